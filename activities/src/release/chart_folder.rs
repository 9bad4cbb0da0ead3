//! Puts a chart into a folder of this machine, wherever it comes from, before it is installed.
//!
//! What it says of itself and what it brings along is read there, and it is fetched once.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use domain::preview::PreviewSettings;
use flate2::read::GzDecoder;
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use workflows::contract::{InstallRelease, timeouts::HELM_PULL};

use super::{
    InstallError, ReleaseConfig,
    chart::Place,
    chart_yaml::CHART_YAML,
    helm::{HelmError, Invocation, Purpose},
    repository_chart::RepositoryCharts,
};
use crate::heartbeat::Progress;

/// A chart in a folder. One that was fetched goes when this is dropped.
pub(super) struct ChartFolder {
    pub(super) path: PathBuf,
    /// Nobody has reviewed it.
    pub(super) is_of_repository: bool,
    _fetched: Option<TempDir>,
}

/// A file of values that the chart does not bring along.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`values_files`: the chart has no file `{path}`")]
pub(crate) struct NoValuesFile {
    path: String,
    /// In the repository's file.
    pub(crate) line: Option<u32>,
}

impl ChartFolder {
    /// The chart that is to be installed, ready.
    pub(super) async fn prepare(
        config: &ReleaseConfig,
        repository_charts: &RepositoryCharts,
        request: &InstallRelease,
        place: Place,
        progress: &Progress,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Self, InstallError> {
        match place {
            Place::Local(path) if path.is_file() => {
                progress.report(format!("unpacking the chart {}", path.display()));
                Ok(Self::below(unpack(path).await?)?)
            }
            Place::Local(path) => Ok(Self { path, is_of_repository: false, _fetched: None }),
            Place::Oci { reference, version } => {
                let version = version.map(|version| format!("--version={version}"));
                let arguments = [reference].into_iter().chain(version).collect();
                pull(config, arguments, progress, cancelled).await
            }
            Place::HelmRepository { repo, name, version } => {
                let arguments = vec![name, format!("--repo={repo}"), format!("--version={version}")];
                pull(config, arguments, progress, cancelled).await
            }
            Place::Repository(path) => {
                let preview = &request.owner.preview;
                progress.report(format!("reading the chart {path} of {}", preview.commit));
                let (repository, commit) = (&preview.repository, &preview.commit);
                let fetch = repository_charts.fetch(request.installation, repository, commit, &path);
                let folder = tokio::select! {
                    folder = Box::pin(fetch) => folder?,
                    () = cancelled => return Err(HelmError::Cancelled.into()),
                };
                Ok(Self {
                    path: folder.path().to_owned(),
                    is_of_repository: true,
                    _fetched: Some(folder),
                })
            }
        }
    }

    /// The chart is the one folder that an archive held.
    fn below(fetched: TempDir) -> Result<Self, io::Error> {
        let mut folders = fs::read_dir(fetched.path())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join(CHART_YAML).is_file());
        let path = folders.next().ok_or_else(|| io::Error::other("the archive holds no chart"))?;
        Ok(Self { path, is_of_repository: false, _fetched: Some(fetched) })
    }

    /// Where the files of values are that the repository chose.
    pub(super) fn values_files(&self, settings: &PreviewSettings) -> Result<Vec<PathBuf>, NoValuesFile> {
        let files = settings.values_files.iter().enumerate();
        let existing = files.map(|(index, file)| {
            let path = self.path.join(file.as_str());
            if path.is_file() {
                return Ok(path);
            }
            let pointer = format!("/values_files/{index}");
            Err(NoValuesFile {
                path: file.to_string(),
                line: settings.lines.find(&pointer).map(|(_, line)| line),
            })
        });
        existing.collect()
    }
}

/// What an earlier step fetched is kept by name.
fn temporary() -> Result<TempDir, io::Error> {
    tempfile::Builder::new().prefix("preview-chart-").tempdir()
}

async fn unpack(archive: PathBuf) -> Result<TempDir, io::Error> {
    let unpack = move || {
        let folder = temporary()?;
        tar::Archive::new(GzDecoder::new(File::open(archive)?)).unpack(folder.path())?;
        Ok(folder)
    };
    spawn_blocking(unpack).await.map_err(io::Error::other)?
}

/// Helm fetches it, and unpacks it too.
async fn pull(
    config: &ReleaseConfig,
    chart: Vec<String>,
    progress: &Progress,
    cancelled: impl Future<Output = ()>,
) -> Result<ChartFolder, InstallError> {
    progress.report(format!("helm pull {}", chart.join(" ")));
    let folder = temporary()?;
    let mut arguments: Vec<OsString> = vec!["pull".into()];
    arguments.extend(chart.into_iter().map(OsString::from));
    arguments.push("--untar".into());
    arguments.push(option("--untardir", folder.path()));
    let invocation = Invocation {
        purpose: Purpose::Pull { into: folder.path().to_owned() },
        arguments,
        input: Vec::new(),
        timeout: HELM_PULL,
    };
    config.helm.run(invocation, cancelled).await.map_err(InstallError::Pull)?;
    Ok(ChartFolder::below(folder)?)
}

/// `--name=path`, so that no path is mistaken for an option.
pub(super) fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push("=");
    option.push(path);
    option
}

#[cfg(test)]
mod tests {
    use domain::preview::Lines;
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn sample() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/hello-world-app")
    }

    #[tokio::test]
    async fn an_archive_is_a_folder_too_and_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("app-1.0.0.tgz");
        let file = GzEncoder::new(File::create(&archive).unwrap(), Compression::fast());
        let mut tar = tar::Builder::new(file);
        tar.append_dir_all("app", sample()).unwrap();
        tar.into_inner().unwrap().finish().unwrap();

        let chart = ChartFolder::below(unpack(archive).await.unwrap()).unwrap();

        assert!(chart.path.ends_with("app") && chart.path.join("values.yaml").is_file());
        let path = chart.path.clone();
        drop(chart);
        assert!(!path.exists());
        let empty = ChartFolder::below(temporary().unwrap()).err().unwrap();
        assert!(empty.to_string().contains("no chart"), "{empty}");
        assert!(unpack(sample().join("values.yaml")).await.is_err());
    }

    #[test]
    fn a_file_that_the_chart_does_not_have_is_told_with_its_line() {
        let chart = ChartFolder { path: sample(), is_of_repository: false, _fetched: None };
        let lines: Lines = [("/values_files/1".to_owned(), 4)].into_iter().collect();
        let with = |files: &[&str]| PreviewSettings {
            values_files: files.iter().map(|file| file.parse().expect("a path")).collect(),
            lines: lines.clone(),
            ..PreviewSettings::default()
        };
        assert_eq!(chart.values_files(&with(&["values.yaml"])), Ok(vec![sample().join("values.yaml")]));
        for absent in ["values-preview.yaml", "templates"] {
            let told = chart.values_files(&with(&["values.yaml", absent])).expect_err(absent);
            assert_eq!(told, NoValuesFile { path: absent.to_owned(), line: Some(4) });
        }
    }
}
