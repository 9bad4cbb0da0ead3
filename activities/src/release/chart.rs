//! The charts that previews may be installed from.
//!
//! A repository chooses among charts that the operators of the service trust. It brings one of its own only
//! where they let it, and the cluster then holds that chart to `charts/preview-cluster`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use domain::{RepositoryPath, preview::ChartSource};

/// What a reference to a registry begins with.
const OCI: &str = "oci://";
/// Longest reference that is looked at.
const REFERENCE_MAX: usize = 512;
/// Longest version: as long as a registry's tags may be.
const VERSION_MAX: usize = 128;

/// The charts that this service installs.
#[derive(Clone, Debug)]
pub struct Charts {
    default: Chart,
    packaged: BTreeMap<String, PathBuf>,
    allowed: Vec<OciPrefix>,
    of_repositories: bool,
}

/// Where a chart is that may be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where Helm finds it by itself.
    Known(Chart),
    /// In the repository, at the commit that is previewed.
    Repository(RepositoryPath),
}

/// A chart, as Helm is told to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    /// A folder, an archive or an `oci://` reference.
    pub(crate) reference: String,
    /// Which version, of a chart in a registry.
    pub(crate) version: Option<String>,
}

impl Chart {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            reference: folder.to_string_lossy().into_owned(),
            version: None,
        }
    }
}

/// `oci://registry.example.com/charts`: that chart, or whatever is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciPrefix(String);

/// The text is not the beginning of a chart's reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the beginning of a chart's reference: expected, for example, `oci://registry.example.com/charts`"
)]
pub struct InvalidOciPrefix(String);

/// A chart that this service does not install.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChartRefused {
    #[error("no chart of the name `{name}` comes with this service, only {known}")]
    Unknown { name: String, known: String },
    #[error(
        "`{0}` does not name one version of a chart: expected, for example, `oci://registry.example.com/charts/app:1.2.3`"
    )]
    NoReference(String),
    #[error(
        "this service does not install `{reference}`; it installs charts from {allowed}, and those that come with it: {known}"
    )]
    NotAllowed {
        reference: String,
        allowed: String,
        known: String,
    },
    #[error(
        "this service does not install charts from repositories; name one that comes with it ({known}) or one from a registry"
    )]
    FromRepository { known: String },
}

impl Charts {
    /// `default` is installed where a repository does not choose. Repositories choose by name among the
    /// charts in `folder`, and by reference among the `allowed` ones. The default can be chosen too.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn new(default: &str, folder: Option<&Path>, allowed: Vec<OciPrefix>) -> Result<Self, io::Error> {
        let mut charts = Self {
            default: Chart { reference: default.to_owned(), version: None },
            packaged: BTreeMap::new(),
            allowed,
            of_repositories: false,
        };
        if default.starts_with(OCI) {
            charts.allowed.push(OciPrefix(default.to_owned()));
        } else if let Some(name) = Path::new(default).file_name() {
            let name = name.to_string_lossy().into_owned();
            charts.packaged.insert(name, default.into());
        }
        for entry in folder.map(fs::read_dir).transpose()?.into_iter().flatten() {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.join("Chart.yaml").exists()) {
                let name = name.to_string_lossy().into_owned();
                charts.packaged.insert(name, path);
            }
        }
        Ok(charts)
    }

    /// Repositories may bring charts of their own, or not.
    #[must_use]
    pub fn of_repositories(self, allowed: bool) -> Self {
        Self { of_repositories: allowed, ..self }
    }

    /// The chart that was chosen, if it may be.
    pub(crate) fn find(&self, wanted: Option<&ChartSource>) -> Result<Place, ChartRefused> {
        match wanted {
            None => Ok(Place::Known(self.default.clone())),
            Some(ChartSource::Packaged(name)) => match self.packaged.get(name) {
                Some(path) => Ok(Place::Known(Chart::in_folder(path))),
                None => Err(ChartRefused::Unknown { name: name.clone(), known: self.known() }),
            },
            Some(ChartSource::Oci(text)) => {
                let (reference, version) =
                    split(text).ok_or_else(|| ChartRefused::NoReference(text.clone()))?;
                if self.allowed.iter().any(|prefix| prefix.covers(text)) {
                    Ok(Place::Known(Chart {
                        reference: reference.to_owned(),
                        version: Some(version.to_owned()),
                    }))
                } else {
                    Err(ChartRefused::NotAllowed {
                        reference: text.clone(),
                        allowed: listed(self.allowed.iter().map(|prefix| prefix.0.as_str())),
                        known: self.known(),
                    })
                }
            }
            Some(ChartSource::Path(path)) if self.of_repositories => Ok(Place::Repository(path.clone())),
            Some(ChartSource::Path(_)) => Err(ChartRefused::FromRepository { known: self.known() }),
        }
    }

    fn known(&self) -> String {
        listed(self.packaged.keys().map(String::as_str))
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl OciPrefix {
    /// Whole pieces of a path are compared: `…/charts` does not cover `…/charts-of-others/app`.
    fn covers(&self, reference: &str) -> bool {
        let name = split(reference).map_or(reference, |(name, _)| name);
        reference == self.0
            || name
                .strip_prefix(&self.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for OciPrefix {
    type Err = InvalidOciPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.trim_end_matches('/');
        if split(place).is_some() || is_place(place) {
            Ok(Self(place.to_owned()))
        } else {
            Err(InvalidOciPrefix(text.chars().take(REFERENCE_MAX).collect()))
        }
    }
}

/// `oci://registry/path/chart` and its version; nothing if the text is not such a reference.
fn split(text: &str) -> Option<(&str, &str)> {
    // The colon of a port comes before the last slash.
    let colon = text.rfind('/')? + text[text.rfind('/')?..].find(':')?;
    let (place, version) = (&text[..colon], &text[colon + 1..]);
    (is_version(version) && is_place(place) && place[OCI.len()..].contains('/')).then_some((place, version))
}

/// One exact version, as `1.2.3`. Of anything else Helm would choose one of
/// several itself, and not the same one tomorrow.
fn is_version(text: &str) -> bool {
    text.len() <= VERSION_MAX && semver::Version::parse(text).is_ok()
}

/// `oci://registry:5000/path`, in the only spelling that registries know.
fn is_place(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(OCI).filter(|_| text.len() <= REFERENCE_MAX) else {
        return false;
    };
    let mut pieces = rest.split('/');
    let host = pieces.next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    let legal = |piece: &str| {
        piece
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'))
            && piece.starts_with(|c: char| c.is_ascii_alphanumeric())
            && piece.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    legal(name) && port.parse::<u16>().is_ok() && pieces.all(legal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oci(text: &str) -> ChartSource {
        ChartSource::Oci(text.to_owned())
    }

    fn known(place: Result<Place, ChartRefused>) -> Chart {
        match place {
            Ok(Place::Known(chart)) => chart,
            other => panic!("{other:?}"),
        }
    }

    fn charts(allowed: &[&str]) -> Charts {
        let allowed = allowed.iter().map(|text| text.parse().expect("a prefix")).collect();
        Charts::new("/charts/hello-world-app", None, allowed).expect("charts")
    }

    #[test]
    fn without_a_choice_it_is_the_services_own_which_can_be_named_too() {
        let charts = charts(&[]);
        let named = ChartSource::Packaged("hello-world-app".to_owned());
        let own = known(charts.find(None));
        assert_eq!(own.reference, "/charts/hello-world-app");
        assert_eq!(known(charts.find(Some(&named))), own);
    }

    #[test]
    fn every_chart_in_the_folder_has_a_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts");
        let charts =
            Charts::new("/elsewhere/app.tgz", Some(Path::new(folder)), vec![]).expect("a folder of charts");
        let named = |name: &str| charts.find(Some(&ChartSource::Packaged(name.to_owned())));
        assert!(known(named("hello-world-app")).reference.ends_with("charts/hello-world-app"));
        for name in ["", ".", "..", "../charts/hello-world-app", "nginx"] {
            assert!(matches!(named(name), Err(ChartRefused::Unknown { .. })), "{name}");
        }
        assert!(Charts::new("x", Some(Path::new("/nowhere")), vec![]).is_err());
    }

    #[test]
    fn a_registry_is_read_only_where_it_is_allowed() {
        let charts = charts(&["oci://registry.example.com:5000/charts/", "oci://ghcr.io/octo/app:1.2.3"]);
        for (text, reference, version) in [
            (
                "oci://registry.example.com:5000/charts/a:1.0.0",
                "oci://registry.example.com:5000/charts/a",
                "1.0.0",
            ),
            (
                "oci://registry.example.com:5000/charts/team/b:2.0.0+x",
                "oci://registry.example.com:5000/charts/team/b",
                "2.0.0+x",
            ),
            ("oci://ghcr.io/octo/app:1.2.3", "oci://ghcr.io/octo/app", "1.2.3"),
        ] {
            let chart = Chart {
                reference: reference.to_owned(),
                version: Some(version.to_owned()),
            };
            assert_eq!(known(charts.find(Some(&oci(text)))), chart);
        }
        for text in [
            "oci://registry.example.com:5000/charts-of-others/a:1.0.0",
            "oci://registry.example.com/charts/a:1.0.0",
            "oci://evil.example.com/charts/a:1.0.0",
            "oci://ghcr.io/octo/app:1.2.4",
            "oci://ghcr.io/octo/app/b:1.2.3",
        ] {
            assert!(matches!(charts.find(Some(&oci(text))), Err(ChartRefused::NotAllowed { .. })), "{text}");
        }
        for text in [
            "oci://",
            "oci://registry.example.com:5000/charts/a",
            "oci://registry.example.com:5000/charts/../a:1",
            "oci://registry.example.com:5000:1.0.0",
            "oci://registry.example.com:5000/charts//a:1",
            "oci://registry.example.com:5000/charts/a:1 --debug",
            "oci://registry.example.com:5000/charts/a:-x",
            "oci://registry.example.com:5000/charts/a:1.2",
            "oci://registry.example.com:5000/charts/a:latest",
            "oci://registry.example.com:5000/charts/a:1.2.x",
            "oci://registry.example.com:5000/charts/a:1.2.3 --debug",
            "--repo",
        ] {
            assert!(matches!(charts.find(Some(&oci(text))), Err(ChartRefused::NoReference(_))), "{text}");
        }
    }

    #[test]
    fn a_chart_of_the_commits_own_is_installed_only_where_that_is_allowed() {
        let path: RepositoryPath = "./chart".parse().expect("a path");
        let wanted = ChartSource::Path(path.clone());
        let allowed = charts(&[]).of_repositories(true);
        assert_eq!(allowed.find(Some(&wanted)), Ok(Place::Repository(path)));
        let refused = charts(&[]).find(Some(&wanted)).expect_err("refused");
        assert!(
            refused
                .to_string()
                .starts_with("this service does not install charts from repositories"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_no_place_in_a_registry_is_refused() {
        for text in ["", "oci://", "registry.example.com/charts", "oci://a b", "oci://a/*", "https://a/b"] {
            assert!(text.parse::<OciPrefix>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_found_or_refused(text in ".{0,60}", tail in "[a-z0-9./:+-]{0,40}") {
            let charts = charts(&["oci://registry.example.com/charts"]);
            for text in [text, format!("oci://registry.example.com/charts{tail}")] {
                if let Ok(Place::Known(chart)) = charts.find(Some(&oci(&text))) {
                    prop_assert!(chart.reference.starts_with("oci://registry.example.com/charts"), "{}", text);
                    prop_assert!(!chart.reference.contains(".."), "{}", text);
                }
                let _ = text.parse::<OciPrefix>();
            }
        }
    }
}
