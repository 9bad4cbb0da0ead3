//! Alerts and dashboard say the same as the page about them.

use std::{collections::BTreeSet, path::Path};

use crate::files;

fn read(path: &str) -> String {
    files::read(Path::new(path))
}

/// Each alert with the name of its runbook.
fn alerts() -> BTreeSet<(String, String)> {
    let rules = read("charts/preview/files/alerts.yaml");
    let alerts = rules.split("- alert: ").skip(1).map(|alert| {
        let name = alert.lines().next().unwrap_or_default();
        let runbook = alert
            .lines()
            .find_map(|line| line.trim().strip_prefix("runbook_url: docs/runbooks/"));
        let runbook = runbook.and_then(|page| page.strip_suffix(".md"));
        (name.to_owned(), runbook.unwrap_or_else(|| panic!("{name} has no runbook")).to_owned())
    });
    alerts.collect()
}

/// What is written as code in the first cells of a page's tables.
fn in_first_cells(page: &str) -> impl Iterator<Item = &str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2))
}

#[test]
fn the_page_names_the_alerts_with_their_runbooks() {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `Preview"));
    let named = rows.map(|row| {
        let mut words = row.split('`').skip(1).step_by(2);
        let name = words.next().unwrap_or_default();
        (name.to_owned(), words.last().unwrap_or_default().to_owned())
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), alerts());
}

#[test]
fn the_runbooks_of_alerts_are_pages() {
    let runbooks = files::root().join("docs/runbooks");
    if !runbooks.is_dir() {
        return;
    }
    for (alert, runbook) in alerts() {
        assert!(
            runbooks.join(format!("{runbook}.md")).is_file(),
            "{alert} leads to {runbook}, and no page"
        );
    }
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_the_page_names() {
    let page = read("docs/metrics.md");
    let named: BTreeSet<_> = in_first_cells(&page).collect();
    for file in ["charts/preview/files/alerts.yaml", "charts/preview/files/dashboard.json"] {
        let text = read(file);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let asked: BTreeSet<_> = words.filter(|word| word.starts_with("preview_")).collect();
        assert!(asked.len() > 10, "{file} asks for {asked:?}");
        for metric in asked {
            let base = ["_bucket", "_count", "_sum"].iter().find_map(|part| metric.strip_suffix(part));
            assert!(named.contains(base.unwrap_or(metric)), "{file} asks for {metric}");
        }
    }
}
