//! What a repository decides about its own previews, in `.preview.yaml` on its default branch.

use anyhow::{Context, Result};
use domain::preview::Phase;
use github_stand_in::User;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::Api;
use tests::{Conversation, Preview, PullRequest, Setting, converse, timeouts::ANSWER};

use crate::{chart::copy_with, words::until};

/// Time that the ready preview has left.
async fn time_left(preview: &Preview) -> Result<SignedDuration> {
    let end = preview.status().await?.expires_at.context("it is ready")?;
    Ok(Timestamp::now().duration_until(end))
}

#[test]
fn how_long_previews_live_and_how_long_they_may() {
    converse(Setting::default().ttl("20m").max_lifetime("1h"), async |chat| {
        chat.configure("ttl: 5m\nmax_ttl: 10m\n").await?;
        let (pull, mona) = (chat.pull_request().await?, User::writer());

        let refusal = pull.hears(&mona, "/preview --ttl 30m").await?;
        assert!(refusal.contains("10m"), "{refusal}");
        let preview = pull.previewed().await?;
        let left = time_left(&preview).await?;
        assert!(left <= SignedDuration::from_mins(5), "{left:#}");
        pull.asks(&mona, "/preview extend 1h").await?;
        let started: Timestamp = preview
            .described()
            .await?
            .and_then(|it| it.start_time())
            .context("it runs")?
            .try_into()?;
        pull.says(&until(started + SignedDuration::from_mins(10))).await?;
        preview.stop().await
    });
}

#[test]
fn who_may_ask_for_previews() {
    converse(Setting::default(), async |chat| {
        chat.configure("who_may: [maintain]\n").await?;
        let pull = chat.pull_request().await?;
        let refusal = pull.hears(&User::writer(), "/preview").await?;
        assert!(refusal.contains(".preview.yaml"), "{refusal}");
        pull.asks(&User::admin(), "/preview").await?;
        pull.shows_url().await?.stop().await?;

        chat.configure("who_may: [\"@mona\"]\n").await?;
        let pull = chat.pull_request().await?;
        let refusal = pull.hears(&User::maintainer(), "/preview").await?;
        assert!(refusal.contains(".preview.yaml"), "{refusal}");
        let preview = pull.previewed().await?;
        preview.stop().await
    });
}

#[test]
fn which_chart_is_installed_with_which_values() {
    converse(Setting::default(), async |chat| {
        let charts = chat.folder.join("charts");
        copy_with(
            &chat.stack.env.preview_chart,
            &charts.join("noted"),
            "note.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: note}, data: {note: {{ .Values.global.note | quote }}}}",
        )?;
        chat.restart_worker_with("PREVIEW_CHARTS_FOLDER", &charts).await?;
        chat.configure(
            "chart: noted\nvalues:\n  replicaCount: 2\n  global:\n    note: \"{commit} of {pr} at {host}\"\n",
        )
        .await?;
        let pull = chat.pull_request().await?;

        let preview = pull.previewed().await?;

        let (kube, namespace) = (chat.stack.kube.clone(), preview.namespace_name().await?);
        let deployment = Api::<Deployment>::namespaced(kube.clone(), &namespace)
            .get(&preview.id.release())
            .await?;
        assert_eq!(deployment.spec.replicas, Some(2));
        let note = Api::<ConfigMap>::namespaced(kube, &namespace).get("note").await?;
        let url = preview.url()?;
        let expected = format!(
            "{} of {} at {}",
            pull.github.head_sha(),
            pull.github.number(),
            url.host_str().context("it has a host")?
        );
        assert_eq!(note.data.context("it has data")?["note"], expected);
        preview.stop().await
    });
}

#[test]
fn which_image_is_waited_for() {
    converse(Setting::default(), async |chat| {
        let usual = chat.stack.env.preview_image.clone();
        let (registry, _) = usual.split_once('/').context("it names a registry")?;
        chat.restart_worker_with("PREVIEW_ALLOWED_IMAGES", format!("{registry}/{{owner}}"))
            .await?;
        let other = format!("{registry}/{{owner}}/{{repo}}-other:{{commit}}");
        chat.configure(&format!("image: \"{other}\"\n")).await?;
        let pull = chat.pull_request().await?;

        let preview = pull.request_preview().await?;

        preview.reaches(Phase::WaitingForImage).await?;
        pull.says(&format!("-other:{}", pull.github.head_sha())).await?;
        preview.stop().await?;
        pull.says("stopped").await?;
        chat.configure("image: \"registry.example.com/{owner}/{repo}:{commit}\"\n")
            .await?;
        let refusal = pull.hears(&User::writer(), "/preview").await?;
        assert!(refusal.contains(".preview.yaml") && refusal.contains("line 1"), "{refusal}");
        Ok(())
    });
}

#[test]
fn what_makes_no_sense_is_answered_with_its_line_and_deploys_nothing() {
    converse(Setting::default().max_lifetime("2h"), async |chat| {
        let (pull, mona) = (chat.pull_request().await?, User::writer());
        for (yaml, told) in [
            ("ttl: 10m\ncolour: red\n", &["line 2", "colour"][..]),
            ("ttl: soon\n", &["line 1", "soon"]),
            ("\nttl: 3h\n", &["line 2", "2h"]),
            ("max_ttl: 30d\n", &["line 1", "2h"]),
            ("ttl: 10m\nttl: 20m\n", &["line 2", "ttl"]),
            ("redeploy_on_push: perhaps\n", &["line 1", "true"]),
            ("who_may: [everybody]\n", &["line 1", "everybody"]),
            ("image: example.com/app:latest\n", &["line 1", "image"]),
            ("chart: no-such-chart\n", &["line 1", "no-such-chart"]),
            ("chart: ./deploy/chart\n", &["line 1", "chart"]),
            ("chart: oci://evil.example.com/chart:1\n", &["line 1", "chart"]),
            ("values:\n  host: evil.example.com\n", &["line 2", "host"]),
            ("[ttl, 10m\n", &["line"]),
            ("<!-- @mona **bold** -->: 1\n", &["line 1"]),
        ] {
            chat.configure(yaml).await?;
            let answer = pull.hears(&mona, "/preview").await?;
            for part in told.iter().chain(&["`.preview.yaml`"]) {
                assert!(answer.contains(part), "{yaml:?}: {part} is missing: {answer}");
            }
        }
        assert!(pull.preview()?.described().await?.is_none());
        chat.configure("# Everything is as the service has it.\n").await?;
        pull.previewed().await?.stop().await
    });
}

#[test]
fn what_a_pull_request_says_about_itself_is_not_obeyed() {
    converse(Setting::default().ttl("20m"), async |chat| {
        chat.configure("ttl: 5m\nwho_may: [maintain]\n").await?;
        let pull = chat.pull_request().await?;
        pull.push((".preview.yaml", "ttl: 20m\nwho_may: [write]\n").into()).await?;

        let refusal = pull.hears(&User::writer(), "/preview").await?;
        assert!(refusal.contains(".preview.yaml"), "{refusal}");
        pull.asks(&User::maintainer(), "/preview").await?;

        let preview = pull.shows_url().await?;
        let left = time_left(&preview).await?;
        assert!(left <= SignedDuration::from_mins(5), "{left:#}");
        preview.stop().await
    });
}

#[test]
fn a_pull_request_into_a_branch_of_ones_own_goes_by_the_default_branchs_rules() {
    converse(Setting::default(), async |chat| {
        chat.configure("who_may: [admin]\n").await?;
        let mona = User::writer();
        chat.repository
            .commit_to(&mona, "lax", [(".preview.yaml", "who_may: [write]\n")])
            .await?;
        let pull = chat.pull_request_into("lax").await?;

        let refusal = pull.hears(&mona, "/preview").await?;

        assert!(refusal.contains(".preview.yaml"), "{refusal}");
        assert!(pull.preview()?.described().await?.is_none());
        Ok(())
    });
}

#[test]
fn a_branch_that_the_default_branch_lists_decides_for_itself() {
    converse(Setting::default().ttl("20m"), async |chat| {
        let (mona, ada) = (User::writer(), User::admin());
        let commit_to =
            async |branch: &str, file: (&str, &str)| chat.repository.commit_to(&ada, branch, [file]).await;
        commit_to("release-1.x", ("notes.txt", "The first one.")).await?;
        chat.configure("ttl: 5m\nwho_may: [admin]\nbranches: [release-1.x, release-2.x]\n")
            .await?;

        // Without a file of its own it goes by the default branch's.
        let pull = chat.pull_request_into("release-1.x").await?;
        let refusal = pull.hears(&mona, "/preview").await?;
        assert!(refusal.contains(".preview.yaml"), "{refusal}");

        let own = ".preview.yaml";
        commit_to("release-2.x", (own, "ttl: soon\n")).await?;
        let pull = chat.pull_request_into("release-2.x").await?;
        let answer = pull.hears(&mona, "/preview").await?;
        let place = "`.preview.yaml` on `release-2.x` is invalid in line 1";
        assert!(answer.contains(place), "{answer}");
        commit_to("release-2.x", (own, "ttl: 10m\n")).await?;
        let preview = pull.previewed().await?;
        let left = time_left(&preview).await?;
        let own_time = SignedDuration::from_mins(5)..=SignedDuration::from_mins(10);
        assert!(own_time.contains(&left), "{left:#}");
        preview.stop().await
    });
}

/// The deployment of the pull request's head in GitHub's own list.
fn deployment_of(chat: &Conversation, pull: &PullRequest) -> Option<github_stand_in::Deployment> {
    let (head, all) = (pull.github.head_sha(), chat.repository.deployments());
    assert!(all.iter().filter(|one| one.sha == head).count() <= 1);
    all.into_iter().find(|one| one.sha == head)
}

#[test]
fn under_which_name_previews_stand_in_githubs_own_list_of_deployments() {
    let setting = Setting::default().worker("GITHUB_DEPLOYMENTS", "true");
    converse(setting, async |chat| {
        for (yaml, environment) in [("", "preview"), ("environment: staging\n", "staging")] {
            chat.configure(yaml).await?;
            let pull = chat.pull_request().await?;
            let preview = pull.previewed().await?;
            let viewable = async |state: &str| {
                let wanted =
                    || deployment_of(chat, &pull).filter(|it| it.states.ends_with(&[state.to_owned()]));
                let what = format!("the deployment to be {state}");
                chat.github.wait_for(&what, ANSWER, wanted).await
            };
            let deployment = viewable("success").await?;
            assert_eq!(deployment.url, preview.url()?.as_str());

            preview.stop().await?;

            let deployment = viewable("inactive").await?;
            assert!(deployment.is_transient, "{deployment:?}");
            assert_eq!(deployment.environment, environment);
            let mut order = ["queued", "in_progress", "success", "inactive"].iter();
            let mut told = deployment.states.iter();
            assert!(told.all(|state| order.any(|next| next == state)), "{deployment:?}");
        }
        Ok(())
    });
}
