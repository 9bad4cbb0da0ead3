//! The charts that previews may be installed from.
//!
//! A repository chooses among charts that the operators of the service trust. It brings one of its own only
//! where they let it, and the cluster then holds that chart to `charts/preview-cluster`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use domain::{RepositoryPath, preview::ChartSource};
use serde::Serialize;

use super::chart_yaml::{CHART_YAML, ChartYaml};
use crate::listed::listed;

/// What a reference to a registry begins with.
const OCI: &str = "oci://";
/// What the address of a Helm repository begins with.
const HTTPS: &str = "https://";
/// What it may begin with on one's own machine.
const HTTP: &str = "http://";
/// One's own machine.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "localhost"];
/// Longest reference that is looked at.
const REFERENCE_MAX: usize = 512;
/// Longest version: as long as a registry's tags may be.
const VERSION_MAX: usize = 128;

/// The charts that this service installs.
#[derive(Clone, Debug)]
pub struct Charts {
    default: Place,
    packaged: BTreeMap<String, PathBuf>,
    /// Those that ask for the service's values, as far as that is known.
    asking: BTreeSet<PathBuf>,
    allowed: Vec<ChartPrefix>,
    of_repositories: bool,
}

/// Where a chart is that may be installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Place {
    /// A folder or an archive of this machine.
    Local(PathBuf),
    /// A registry.
    Oci {
        /// `oci://registry.example.com/charts/app`
        reference: String,
        /// The reference says it too, in the operators' own setting.
        version: Option<String>,
    },
    /// A Helm repository.
    HelmRepository {
        /// The address below which `index.yaml` is.
        repo: String,
        name: String,
        version: String,
    },
    /// The pull request's repository, at the commit that is previewed.
    Repository(RepositoryPath),
}

/// `oci://registry.example.com/charts` or `https://charts.example.com`: that chart, or whatever is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartPrefix(String);

/// The text is not the beginning of a chart's reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not where charts are: expected, for example, `oci://registry.example.com/charts` or `https://charts.example.com`"
)]
pub struct InvalidChartPrefix(String);

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
        "`{0}` does not name one version of a chart in a Helm repository: expected, for example, `{{repo: https://charts.example.com, name: app, version: 1.2.3}}`"
    )]
    NoVersion(String),
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
    pub fn new(default: &str, folder: Option<&Path>, allowed: Vec<ChartPrefix>) -> Result<Self, io::Error> {
        let mut charts = Self {
            default: Place::Local(default.into()),
            packaged: BTreeMap::new(),
            asking: BTreeSet::new(),
            allowed,
            of_repositories: false,
        };
        if default.starts_with(OCI) {
            charts.default = Place::Oci { reference: default.to_owned(), version: None };
            charts.allowed.push(ChartPrefix(default.to_owned()));
        } else if let Some(name) = Path::new(default).file_name() {
            charts.bring_along(name.to_string_lossy().into_owned(), default.into());
        }
        for entry in folder.map(fs::read_dir).transpose()?.into_iter().flatten() {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.join(CHART_YAML).exists()) {
                charts.bring_along(name.to_string_lossy().into_owned(), path);
            }
        }
        Ok(charts)
    }

    fn bring_along(&mut self, name: String, path: PathBuf) {
        if ChartYaml::of(&path).asks_for_values() {
            self.asking.insert(path.clone());
        }
        self.packaged.insert(name, path);
    }

    /// Repositories may bring charts of their own, or not.
    #[must_use]
    pub fn of_repositories(self, allowed: bool) -> Self {
        Self { of_repositories: allowed, ..self }
    }

    /// The chart that was chosen, if it may be.
    pub(crate) fn find(&self, wanted: Option<&ChartSource>) -> Result<Place, ChartRefused> {
        match wanted {
            None => Ok(self.default.clone()),
            Some(ChartSource::Packaged(name)) => match self.packaged.get(name) {
                Some(path) => Ok(Place::Local(path.clone())),
                None => Err(ChartRefused::Unknown { name: name.clone(), known: self.known() }),
            },
            Some(ChartSource::Oci(text)) => {
                let no_reference = || ChartRefused::NoReference(text.clone());
                let (reference, version) =
                    split(text).filter(|_| text.starts_with(OCI)).ok_or_else(no_reference)?;
                self.allow(text)?;
                Ok(Place::Oci {
                    reference: reference.to_owned(),
                    version: Some(version.to_owned()),
                })
            }
            Some(ChartSource::HelmRepository { repo, name, version }) => {
                let repo = repo.trim_end_matches('/');
                let text = format!("{repo}/{name}:{version}");
                let is_one =
                    !text.starts_with(OCI) && !name.contains('/') && is_place(repo) && split(&text).is_some();
                if !is_one {
                    return Err(ChartRefused::NoVersion(text.chars().take(REFERENCE_MAX).collect()));
                }
                self.allow(&text)?;
                Ok(Place::HelmRepository {
                    repo: repo.to_owned(),
                    name: name.clone(),
                    version: version.clone(),
                })
            }
            Some(ChartSource::Path(path)) if self.of_repositories => Ok(Place::Repository(path.clone())),
            Some(ChartSource::Path(_)) => Err(ChartRefused::FromRepository { known: self.known() }),
        }
    }

    /// It is known, before it is fetched, that the chart asks for the service's values.
    pub(crate) fn ask_for_values(&self, wanted: Option<&ChartSource>) -> bool {
        matches!(self.find(wanted), Ok(Place::Local(path)) if self.asking.contains(&path))
    }

    fn allow(&self, reference: &str) -> Result<(), ChartRefused> {
        if self.allowed.iter().any(|prefix| prefix.covers(reference)) {
            return Ok(());
        }
        Err(ChartRefused::NotAllowed {
            reference: reference.to_owned(),
            allowed: listed(self.allowed.iter().map(|prefix| &prefix.0)),
            known: self.known(),
        })
    }

    fn known(&self) -> String {
        listed(self.packaged.keys())
    }
}

impl ChartPrefix {
    /// Whole pieces of a path are compared: `…/charts` does not cover `…/charts-of-others/app`.
    fn covers(&self, reference: &str) -> bool {
        let name = split(reference).map_or(reference, |(name, _)| name);
        reference == self.0
            || name
                .strip_prefix(&self.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for ChartPrefix {
    type Err = InvalidChartPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = text.trim_end_matches('/');
        if split(place).is_some() || is_place(place) {
            Ok(Self(place.to_owned()))
        } else {
            Err(InvalidChartPrefix(text.chars().take(REFERENCE_MAX).collect()))
        }
    }
}

/// `oci://registry/path/chart` and its version; nothing if the text is not such a reference. A chart
/// of a Helm repository is referred to in the same way here.
fn split(text: &str) -> Option<(&str, &str)> {
    // The colon of a port comes before the last slash.
    let colon = text.rfind('/')? + text[text.rfind('/')?..].find(':')?;
    let (place, version) = (&text[..colon], &text[colon + 1..]);
    let (_, path) = place.split_once("://")?;
    (is_version(version) && is_place(place) && path.contains('/')).then_some((place, version))
}

/// One exact version, as `1.2.3`. Of anything else Helm would choose one of
/// several itself, and not the same one tomorrow.
fn is_version(text: &str) -> bool {
    text.len() <= VERSION_MAX && semver::Version::parse(text).is_ok()
}

/// `oci://registry:5000/path`, in the only spelling that registries know, or `https://host/path`.
fn is_place(text: &str) -> bool {
    let schemes = [OCI, HTTPS, HTTP].into_iter();
    let with_rest = schemes.filter_map(|scheme| Some((scheme, text.strip_prefix(scheme)?))).next();
    let Some((scheme, rest)) = with_rest.filter(|_| text.len() <= REFERENCE_MAX) else {
        return false;
    };
    let mut pieces = rest.split('/');
    let host = pieces.next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    let is_allowed = |b: u8| {
        b.is_ascii_lowercase()
            || b.is_ascii_digit()
            || matches!(b, b'.' | b'_' | b'-')
            || (scheme != OCI && b.is_ascii_uppercase())
    };
    let legal = |piece: &str| {
        piece.bytes().all(is_allowed)
            && piece.starts_with(|c: char| c.is_ascii_alphanumeric())
            && piece.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    legal(name)
        && (scheme != HTTP || LOOPBACK.contains(&name))
        && port.parse::<u16>().is_ok()
        && pieces.all(legal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn oci(text: &str) -> ChartSource {
        ChartSource::Oci(text.to_owned())
    }

    fn in_helm_repository(repo: &str, name: &str, version: &str) -> ChartSource {
        let [repo, name, version] = [repo, name, version].map(str::to_owned);
        ChartSource::HelmRepository { repo, name, version }
    }

    fn local(place: Result<Place, ChartRefused>) -> PathBuf {
        match place {
            Ok(Place::Local(path)) => path,
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
        let own = local(charts.find(None));
        assert_eq!(own, Path::new("/charts/hello-world-app"));
        assert_eq!(local(charts.find(Some(&named))), own);
    }

    #[test]
    fn every_chart_in_the_folder_has_a_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../charts");
        let charts =
            Charts::new("/elsewhere/app.tgz", Some(Path::new(folder)), vec![]).expect("a folder of charts");
        let named = |name: &str| charts.find(Some(&ChartSource::Packaged(name.to_owned())));
        assert!(local(named("hello-world-app")).ends_with("charts/hello-world-app"));
        let asks = |name: &str| charts.ask_for_values(Some(&ChartSource::Packaged(name.to_owned())));
        assert!(asks("hello-world-app") && !asks("preview-cluster") && !charts.ask_for_values(None));
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
            let place = Place::Oci {
                reference: reference.to_owned(),
                version: Some(version.to_owned()),
            };
            assert_eq!(charts.find(Some(&oci(text))), Ok(place));
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
            "https://registry.example.com/charts/a:1.0.0",
        ] {
            assert!(matches!(charts.find(Some(&oci(text))), Err(ChartRefused::NoReference(_))), "{text}");
        }
    }

    #[test]
    fn a_helm_repository_is_read_only_where_it_is_allowed() {
        let charts = charts(&[
            "https://charts.example.com",
            "https://example.com/Stable/app",
            "https://example.com/one:1.2.3",
            "http://127.0.0.1:8080",
            "oci://registry.example.com/charts",
        ]);
        for (repo, name, version) in [
            ("https://charts.example.com", "app", "1.2.3"),
            ("https://charts.example.com/", "app", "1.2.3"),
            ("https://charts.example.com/team/stable", "my.app", "2.0.0-rc.1+x"),
            ("https://example.com/Stable", "app", "1.2.3"),
            ("https://example.com", "one", "1.2.3"),
            ("http://127.0.0.1:8080", "app", "1.2.3"),
        ] {
            let place = Place::HelmRepository {
                repo: repo.trim_end_matches('/').to_owned(),
                name: name.to_owned(),
                version: version.to_owned(),
            };
            assert_eq!(charts.find(Some(&in_helm_repository(repo, name, version))), Ok(place));
        }
        for (repo, name, version) in [
            ("https://charts.example.com.evil.example.com", "app", "1.2.3"),
            ("https://charts.example.com:8443", "app", "1.2.3"),
            ("https://example.com/Stable", "other", "1.2.3"),
            ("https://example.com", "one", "1.2.4"),
            ("http://127.0.0.1:8081", "app", "1.2.3"),
        ] {
            let found = charts.find(Some(&in_helm_repository(repo, name, version)));
            assert!(matches!(found, Err(ChartRefused::NotAllowed { .. })), "{repo}: {found:?}");
        }
        for (repo, name, version) in [
            ("http://charts.example.com", "app", "1.2.3"),
            ("https://user:secret@charts.example.com", "app", "1.2.3"),
            ("https://charts.example.com/../x", "app", "1.2.3"),
            ("https://charts.example.com?x", "app", "1.2.3"),
            ("oci://registry.example.com/charts", "app", "1.2.3"),
            ("file:///charts", "app", "1.2.3"),
            ("charts.example.com", "app", "1.2.3"),
            ("https://charts.example.com", "stable/app", "1.2.3"),
            ("https://charts.example.com", "--debug", "1.2.3"),
            ("https://charts.example.com", "", "1.2.3"),
            ("https://charts.example.com", "app", "^1.2"),
            ("https://charts.example.com", "app", "latest"),
            ("https://charts.example.com", "app:1.2.3", "1.2.3"),
        ] {
            let found = charts.find(Some(&in_helm_repository(repo, name, version)));
            assert!(matches!(found, Err(ChartRefused::NoVersion(_))), "{repo} {name} {version}: {found:?}");
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
        for text in ["", "oci://", "registry.example.com/charts", "oci://a b", "oci://a/*", "http://a/b"] {
            assert!(text.parse::<ChartPrefix>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_found_or_refused(text in ".{0,60}", tail in "[a-z0-9./:+-]{0,40}") {
            let charts = charts(&["oci://registry.example.com/charts"]);
            for text in [text, format!("oci://registry.example.com/charts{tail}")] {
                if let Ok(Place::Oci { reference, .. }) = charts.find(Some(&oci(&text))) {
                    prop_assert!(reference.starts_with("oci://registry.example.com/charts"), "{}", text);
                    prop_assert!(!reference.contains(".."), "{}", text);
                }
                let _ = text.parse::<ChartPrefix>();
            }
        }
    }
}
