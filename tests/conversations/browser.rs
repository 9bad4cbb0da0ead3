//! What a person sees in a browser.

use github_stand_in::{File, User};
use serde_json::json;
use tests::{Browser, Setting, converse};
use url::Url;

#[test]
fn in_a_browser_the_comment_turns_into_a_url_that_shows_the_pull_requests_own_page() {
    converse(Setting::default().ttl("30m"), async |chat| {
        // What is shown here is shown in the README, so it has a name that people can read.
        chat.repository = chat.github.repository_named("octo-org", "hello-world", false).await?;
        let content = json!({"greeting": "¡Hola, mundo!", "message": "Our users in Madrid asked for it.", "colour": "#b3361f"});
        let file: File = ("content.json", content.to_string()).into();
        let pull = chat.around(
            chat.repository
                .open_pull_request(&User::writer(), "Greet in Spanish", [file])
                .await?,
        );
        pull.build_image().await?;
        let mut browser = Browser::open().await?;

        browser.go_to(&pull.github.url()).await?;
        browser.run("window.neverReloaded = true").await?;
        browser.type_into("#comment-body", "/preview").await?;
        browser.click("#comment-submit").await?;

        let ours = format!(".comment[data-author='{}']", chat.github.app_login());
        browser.shows(&format!("document.querySelector(\"{ours}\")?.innerText.includes('Deployment requested! Setting up preview environment…')")).await?;
        let id = browser.run(&format!("document.querySelector(\"{ours}\").id")).await?;
        browser.screenshot("1-requested").await?;
        let url = pull.preview()?.url()?;
        browser
            .shows(&format!("document.getElementById({id})?.querySelector('a[href={}]')", json!(url)))
            .await?;
        assert_eq!(browser.run("window.neverReloaded").await?, true, "it changed in place");
        assert_eq!(browser.run(&format!("document.querySelectorAll(\"{ours}\").length")).await?, 1);
        browser.screenshot("2-ready").await?;

        let link = browser
            .run(&format!("document.getElementById({id}).querySelector('a[href={}]').href", json!(url)))
            .await?;
        let link: Url = link.as_str().expect("a link has an address").parse()?;
        browser.go_to(&link).await?;
        assert_eq!(browser.run("document.querySelector('h1').innerText").await?, "¡Hola, mundo!");
        assert_eq!(
            browser.run("document.querySelector('#commit').innerText.trim()").await?,
            pull.github.head_sha()
        );
        assert_eq!(
            browser.run("document.querySelector('#repository').innerText.trim()").await?,
            chat.repository.full_name()
        );
        let number = browser.run("document.querySelector('#pull-request').innerText").await?;
        assert!(
            number
                .as_str()
                .is_some_and(|text| text.contains(&pull.github.number().to_string())),
            "{number}"
        );
        browser.screenshot("3-app").await?;

        let workflows = format!("{}/namespaces/default/workflows", chat.stack.env.temporal_ui_url);
        let id_is_listed =
            format!("document.body.innerText.includes({})", json!(pull.preview()?.id.to_string()));
        browser.finds(&workflows.parse()?, &id_is_listed).await?;
        browser.screenshot("4-temporal").await?;
        pull.preview()?.stop().await?;

        browser.go_to(&pull.github.url()).await?;
        browser
            .shows(&format!("document.getElementById({id})?.innerText.includes('gone')"))
            .await?;
        browser.screenshot("5-gone").await?;
        Ok(())
    });
}
