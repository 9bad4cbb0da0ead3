//! Do the links between our pages lead somewhere? Those to other sites are not followed.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::files;

/// A page as far as links are concerned.
#[derive(Default)]
struct Page {
    /// Where each link leads, and the line that it is on.
    links: Vec<(String, usize)>,
    /// What a link to a part of the page can name.
    anchors: BTreeSet<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading: Option<String> = None;
        let mut same: HashMap<String, usize> = HashMap::new();
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        for (event, place) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push((dest_url.into_string(), line(text, place.start)));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&heading.take().unwrap_or_default());
                    let before = same.entry(name.clone()).or_default();
                    page.anchors.insert(match before {
                        0 => name,
                        _ => format!("{name}-{before}"),
                    });
                    *before += 1;
                }
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::Html(part) | Event::InlineHtml(part) => {
                    let line = line(text, place.start);
                    let links = ["href", "src"].iter().flat_map(|name| values(&part, name));
                    page.links.extend(links.map(|link| (link.to_owned(), line)));
                    let anchors = ["id", "name"].iter().flat_map(|name| values(&part, name));
                    page.anchors.extend(anchors.map(str::to_owned));
                }
                _ => {}
            }
        }
        page
    }
}

fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// What GitHub calls the place of a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// The values of an HTML attribute.
fn values<'a>(html: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!(" {name}=\"");
    html.match_indices(&start)
        .map(|(place, start)| &html[place + start.len()..])
        .filter_map(|rest| rest.split('"').next())
        .collect::<Vec<_>>()
        .into_iter()
}

/// All files of the repository, and the pages among them.
struct Site {
    files: BTreeSet<PathBuf>,
    pages: HashMap<PathBuf, Page>,
}

impl Site {
    fn read() -> Self {
        let pages = files::with_extension("md")
            .map(|file| (file.clone(), Page::read(&files::read(&file))))
            .collect();
        Self { files: files::all().into_iter().collect(), pages }
    }

    /// Why a link on `page` leads nowhere; `None` if it leads somewhere, or to another site.
    fn broken(&self, page: &Path, link: &str) -> Option<String> {
        let is_elsewhere = link.starts_with("//")
            || link
                .split_once(':')
                .is_some_and(|(scheme, _)| scheme.chars().all(char::is_alphanumeric));
        if is_elsewhere || link.contains("{{") {
            return None;
        }
        let (path, part) = match link.split_once('#') {
            Some((path, part)) => (path, Some(part)),
            None => (link, None),
        };
        let target = match path {
            "" => page.to_owned(),
            path => match resolve(page.parent().unwrap_or(Path::new("")), path) {
                Some(target) => target,
                None => return Some("leads out of the repository".to_owned()),
            },
        };
        if !self.files.iter().any(|file| file.starts_with(&target)) {
            return Some("there is no such file".to_owned());
        }
        // Without a part, it leads somewhere.
        let part = part?;
        if let Some(page) = self.pages.get(&target).or_else(|| self.pages.get(&target.join("README.md"))) {
            return (!page.anchors.contains(part)).then(|| format!("no heading is called #{part}"));
        }
        let last = self.files.contains(&target).then(|| files::read(&target).lines().count());
        let lines: Option<Vec<usize>> =
            part.split('-').map(|line| line.strip_prefix('L')?.parse().ok()).collect();
        match (lines, last) {
            (Some(lines), Some(last)) if lines.iter().all(|line| (1..=last).contains(line)) => None,
            _ => Some(format!("there is no #{part} in it")),
        }
    }
}

/// The path in the repository of what a page in `folder` calls `path`.
fn resolve(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut resolved = match path.strip_prefix('/') {
        Some(_) => PathBuf::new(),
        None => folder.to_owned(),
    };
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(resolved)
}

#[test]
fn every_link_between_our_pages_leads_somewhere() {
    let site = Site::read();
    let mut broken = Vec::new();
    for (file, page) in &site.pages {
        for (link, line) in &page.links {
            if let Some(why) = site.broken(file, link) {
                broken.push(format!("{}:{line}: {link}: {why}", file.display()));
            }
        }
    }
    broken.sort();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let links: usize = site.pages.values().map(|page| page.links.len()).sum();
    assert!(links > 50, "only {links} links were seen");
}

fn site(pages: &[(&str, &str)]) -> Site {
    Site {
        files: pages.iter().map(|(file, _)| file.into()).collect(),
        pages: pages.iter().map(|(file, text)| (file.into(), Page::read(text))).collect(),
    }
}

#[test]
fn links_are_seen_in_tables_in_pictures_and_in_html() {
    let text = "| Where is | it |\n| --- | --- |\n| the entry | [main](webhook/src/main.rs#L3) |\n\n\
                ![a picture](a.png)\n\n<img width=\"4\" src=\"b.png\">\n\n[c]\n\n[c]: c.md\n\n`[no](link)`\n";
    let found: Vec<_> = Page::read(text).links;
    let found: Vec<_> = found.iter().map(|(link, line)| (&**link, *line)).collect();
    assert_eq!(found, [("webhook/src/main.rs#L3", 3), ("a.png", 5), ("b.png", 7), ("c.md", 9)]);
}

#[test]
fn headings_are_called_what_github_calls_them() {
    let page = Page::read("# Of the `service`\n## What's new?\n## What's new?\n<a name=\"here\"></a>\n");
    let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
    assert_eq!(anchors, ["here", "of-the-service", "whats-new", "whats-new-1"]);
}

#[test]
fn what_leads_nowhere_is_said() {
    let site = site(&[("README.md", "# Preview\n"), ("docs/a.md", "# A\n"), ("docs/images/b.png", "")]);
    let broken = |link| site.broken(Path::new("docs/a.md"), link);
    for good in [
        "#a",
        "a.md#a",
        "../README.md#preview",
        "/README.md",
        "images",
        "..",
        "https://example.com/x",
        "mailto:a@b",
        "{{ url }}",
    ] {
        assert_eq!(broken(good), None, "{good}");
    }
    for (bad, why) in [
        ("#b", "no heading is called #b"),
        ("../README.md#nothing", "no heading is called #nothing"),
        ("b.md", "there is no such file"),
        ("imag", "there is no such file"),
        ("../../elsewhere", "leads out of the repository"),
        ("images#x", "there is no #x in it"),
    ] {
        assert_eq!(broken(bad).as_deref(), Some(why), "{bad}");
    }
}

#[test]
fn a_line_of_a_source_file_has_to_be_there() {
    let site = Site::read();
    let broken = |part: &str| site.broken(Path::new("README.md"), &format!("checks/src/lib.rs{part}"));
    assert_eq!(broken("#L1"), None);
    assert_eq!(broken("#L1-L3"), None);
    assert!(broken("#L100000").is_some() && broken("#main").is_some());
}
