//! What we cost GitHub: few writes, no refusals, no token more than needed,
//! whatever happens at the same moment.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use github_stand_in::{Comment, Traffic, User};
use jiff::SignedDuration;
use tests::{
    ANOTHER_OWNER, Conversation, PullRequest, Setting, converse, plain,
    timeouts::{ANSWER, GONE, URL},
};

/// So small that fifty of them fit on a laptop.
const SMALL: &str = "
values:
  resources:
    requests: { cpu: 10m, memory: 16Mi }
    limits: { cpu: 500m, memory: 64Mi }
";

/// What one person saw of one preview.
struct Seen {
    writes: usize,
    first_answer: SignedDuration,
    url: SignedDuration,
}

/// As many requests as wanted, each on a pull request of its own, in the same
/// second; each preview is seen to its end.
async fn burst(chat: &Conversation, requests: usize) -> Result<Vec<Seen>> {
    chat.configure(SMALL).await?;
    let pulls = chat.pull_requests(requests).await?;
    let timeout = URL * u32::try_from(1 + requests / 10)?;

    let began = Instant::now();
    let asked: Vec<_> = pulls
        .iter()
        .map(|pull| Ok((pull, pull.github.comment(&User::writer(), "/preview")?)))
        .collect::<Result<_>>()?;
    assert!(began.elapsed() < Duration::from_secs(1));

    try_join_all(asked.into_iter().map(async |(pull, comment)| {
        let guid = comment.delivery.as_ref().context("it is told of")?;
        assert_eq!(pull.outcome_of(guid).await?.status_code, 202);
        let preview = pull.preview()?;
        let url = preview.url()?;
        let shows_url = |said: &str| said.contains(url.as_str());
        pull.github
            .wait_for_comment(|comment| shows_url(&comment.body), timeout)
            .await?;
        let page = preview.open("/api/info").await?;
        assert_eq!((page.status, page.commit), (200, Some(pull.github.head_sha())), "{url}");
        pull.github
            .wait_for_comment(|comment| comment.body.contains("expired"), timeout)
            .await?;
        preview.is_over().await?;

        let sticky = pull.sticky()?;
        assert!(pull.replies().is_empty(), "{:#?}", pull.replies());
        let ready = sticky.history().into_iter().find(|it| shows_url(&it.body));
        Ok(Seen {
            writes: pull.github.app_writes(),
            first_answer: comment.created_at.duration_until(sticky.created_at),
            url: comment.created_at.duration_until(ready.context("it was seen a moment ago")?.at),
        })
    }))
    .await
}

/// Nothing was refused, and each installation was asked for one token.
fn was_well_behaved(traffic: &Traffic) {
    assert_eq!(traffic.rate_limited, 0, "{traffic:#?}");
    assert!(!traffic.answers.contains_key(&403) && !traffic.answers.contains_key(&429), "{traffic:#?}");
    assert!(traffic.tokens_minted.values().all(|minted| *minted == 1), "{traffic:#?}");
}

/// The value that so many in a hundred do not exceed.
fn percentile<T: Copy + Ord>(values: impl Iterator<Item = T>, percent: usize) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied()
}

fn table(seen: &[Seen], traffic: &Traffic) -> String {
    let mut table = format!(
        "| {} requests in the same second | half of them | 95 % | the last |\n| --- | --: | --: | --: |\n",
        seen.len()
    );
    let percents = [50, 95, 100];
    let seconds = |of: fn(&Seen) -> SignedDuration| {
        percents
            .map(|percent| percentile(seen.iter().map(of), percent).unwrap_or_default())
            .map(|time| format!("{:.1} s", time.as_secs_f64()))
    };
    let writes = percents.map(|percent| {
        percentile(seen.iter().map(|one| one.writes), percent)
            .unwrap_or_default()
            .to_string()
    });
    for (what, row) in [
        ("writes in a preview's life", writes),
        ("time to the first answer", seconds(|one| one.first_answer)),
        ("time to the URL", seconds(|one| one.url)),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {what} | {} |", row.join(" | "));
    }
    let sum = |of: &std::collections::BTreeMap<u64, u64>| of.values().sum::<u64>();
    let _ = writeln!(
        table,
        "\nContent writes: {}. Requests: {}. Refused because of a limit: {}. Access tokens: {}.",
        sum(&traffic.content_writes),
        traffic.requests.values().sum::<u64>(),
        traffic.rate_limited,
        sum(&traffic.tokens_minted)
    );
    table
}

/// Has the burst, and shows what it was like: `docs/burst.md` is made of this.
async fn show_burst(chat: &Conversation, requests: usize) -> Result<()> {
    let seen = burst(chat, requests).await?;
    let traffic = chat.github.traffic();
    let table = table(&seen, &traffic);
    println!("{table}");
    std::fs::write(chat.folder.join("burst.md"), &table)?;
    assert!(seen.iter().all(|one| one.writes <= 5), "{table}");
    was_well_behaved(&traffic);
    Ok(())
}

#[test]
fn ten_requests_in_the_same_second_all_reach_their_url_and_github_refuses_nothing() {
    converse(Setting::default().ttl("1m"), async |chat| show_burst(chat, 10).await);
}

#[test]
#[ignore = "takes minutes: cargo dev test -- --ignored --nocapture fifty"]
fn fifty_requests_in_the_same_second_all_reach_their_url_and_github_refuses_nothing() {
    // Longer than a hundred writes take at the pace that GitHub allows: a preview whose end comes
    // before its turn is never told to be ready.
    let setting = Setting::default()
        .ttl("3m")
        .worker("PREVIEW_LIVE_PER_PERSON", "50")
        .worker("PREVIEW_STARTS_PER_HOUR", "50");
    converse(setting, async |chat| show_burst(chat, 50).await);
}

#[test]
fn the_longest_life_of_a_preview_takes_five_writes() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.asks(&User::writer(), "/preview --ttl 1m").await?;
        let preview = pull.shows_url().await?;
        let said = pull.sticky()?.body;
        pull.asks(&User::writer(), "/preview extend 1m").await?;
        pull.comes_to_say("another end", |now| now != plain(&said)).await?;

        preview.is_over().await?;
        pull.says("expired").await?;

        let versions = pull.sticky_history()?;
        assert_eq!(versions.len(), 5, "{versions:#?}");
        assert_eq!(pull.github.app_writes(), 5);
        assert!(chat.repository.deployments().is_empty(), "only on request");
        Ok(())
    });
}

/// Has so many pull requests each want a write at once, twice.
async fn keep_us_busy(chat: &Conversation, pulls: usize) -> Result<Vec<PullRequest>> {
    let pulls = try_join_all((0..pulls).map(|_| chat.pull_request_without_image())).await?;
    let (mona, ada) = (User::writer(), User::admin());
    for who in [&mona, &ada] {
        try_join_all(pulls.iter().map(|pull| pull.asks(who, "/preview help"))).await?;
    }
    Ok(pulls)
}

#[test]
fn when_one_organisation_keeps_us_busy_others_are_answered_at_once_and_it_is_told_less() {
    converse(Setting::default(), async |chat| {
        let namesake = chat.namesake(ANOTHER_OWNER).await?;
        let (same, other) = tokio::try_join!(chat.pull_request(), chat.pull_request_in(&namesake))?;
        let talkative = keep_us_busy(chat, 64).await?;

        let (mona, command) = (User::writer(), "/preview");
        let (of_same, of_other) = tokio::try_join!(same.asks(&mona, command), other.asks(&mona, command))?;
        let (preview, others) = tokio::try_join!(same.shows_url(), other.shows_url())?;

        let waited = |pull: &PullRequest, asked: &Comment| {
            let said = pull.sticky()?.created_at;
            anyhow::Ok(asked.created_at.duration_until(said))
        };
        let (at_home, elsewhere) = (waited(&same, &of_same)?, waited(&other, &of_other)?);
        assert!(
            elsewhere < SignedDuration::from_secs(10) && at_home > SignedDuration::from_secs(20),
            "elsewhere {elsewhere:#}, here {at_home:#}"
        );
        tokio::try_join!(preview.stop(), others.stop())?;
        same.says("stopped").await?;
        assert_eq!(
            same.github.app_writes(),
            2,
            "what was passing is left out: {:#?}",
            same.sticky_history()?
        );
        chat.github
            .wait_for("every answer", ANSWER + GONE, || {
                let answered = |pull: &PullRequest| pull.replies().len() == 2;
                talkative.iter().all(answered).then_some(())
            })
            .await?;
        was_well_behaved(&chat.github.traffic());
        Ok(())
    });
}

#[test]
fn an_hours_requests_that_are_used_up_are_waited_for_and_fail_nothing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        let wait = Duration::from_secs(6);
        chat.github.use_up_requests(chat.repository.owner(), wait);
        let asked_at = Instant::now();

        let preview = pull.previewed().await?;

        assert!(asked_at.elapsed() >= wait);
        let refused = chat.github.traffic().rate_limited;
        assert!((1..=3).contains(&refused), "asked {refused} times before it was time");
        preview.stop().await
    });
}

#[test]
fn a_limit_that_is_reached_all_the_same_is_waited_for_and_fails_nothing() {
    converse(Setting::default(), async |chat| {
        let pull = chat.pull_request().await?;
        pull.request_preview().await?;
        pull.says("Deployment requested!").await?;
        let wait = 6;
        chat.github.throttle_next("issues/update-comment", wait, 1);

        let preview = pull.shows_url().await?;

        let traffic = chat.github.traffic();
        assert_eq!(
            traffic.of("issues/update-comment"),
            2,
            "it was not asked again before its time: {traffic:#?}"
        );
        let versions = pull.sticky()?.history();
        let passed = versions[0].at.duration_until(versions[1].at);
        assert!(passed >= SignedDuration::from_secs(i64::try_from(wait)?), "{passed:#}");
        preview.stop().await
    });
}
