//! Reads what a repository decides about its own previews.
//!
//! The file [`FILE`] of its default branch says it, or that of a branch which the default branch's
//! file lists: [`mod@file`] reads it strictly, this module holds it against the service's own
//! bounds, which always win. Whatever is wrong with it is said with its line. No file, or an empty
//! one: everything is as the service has it.

mod branches;
mod file;
#[cfg(test)]
pub(crate) mod fixtures;
mod values;
mod who_may;

use std::{collections::BTreeMap, fmt, str::FromStr};

use domain::{
    ChartPath, ImageName, InvalidRepositoryPath, Repository, Ttl,
    preview::{
        Capacity, ChartSource, ExpectedStatus, Expose, InvalidAmount, Lines, PortName, PreviewSettings,
        Probe, ProbePath, Quota, ReadinessSettings, RepositoryLimits, RepositoryQuota, ServicePort,
        ServiceTemplate,
    },
    pull_request::Terms,
};
use serde_saphyr::Spanned;
use workflows::contract::timeouts::WORKLOADS_UP_MIN;

pub(crate) use self::file::{no_file, too_large};
use self::{
    branches::Branches,
    file::{Chart, File, HelmChart, Port},
    values::Values,
};
use crate::{
    namespace::Destinations,
    release::{Charts, Images, check_images, taken},
};
pub(crate) use who_may::WhoMay;

/// Where a repository says it.
pub(crate) const FILE: &str = ".preview.yaml";
/// The largest file that is read, in bytes.
pub(crate) const SIZE_MAX: u64 = 64 * 1024;
/// What previews are called in GitHub's list of deployments, where a repository does not say.
const ENVIRONMENT: &str = "preview";
/// Longest name of an environment that GitHub takes, in characters.
const ENVIRONMENT_MAX: usize = 255;
/// Most files of values.
const VALUES_FILES_MAX: usize = 10;

/// What every repository gets, and how far each may deviate from it.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How long a preview lives unless someone says otherwise.
    pub ttl: Ttl,
    /// How long it may live at the most, extensions included.
    pub max_lifetime: Ttl,
    /// The charts to choose from.
    pub charts: Charts,
    /// The images to choose from.
    pub images: Images,
    /// Previews are shown in GitHub's own list of deployments.
    pub deployments: bool,
    /// How many previews live at once.
    pub capacity: Capacity,
    /// How many previews one person may have started in an hour.
    pub starts_per_hour: u32,
    /// What the pods of a preview may take at the most.
    pub quota_max: Quota,
    /// What pods may reach outside, to choose from.
    pub destinations: Destinations,
    /// How long workloads may take to come up.
    pub readiness_timeout: Ttl,
}

/// A repository's configuration, within the bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepositoryConfig {
    pub(crate) terms: Terms,
    pub(crate) who_may: WhoMay,
    /// Whose own files decide about the pull requests into them. Counts on the default branch only.
    pub(crate) branches: Branches,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// In which line, from 1, if it is one line's fault.
    pub(crate) line: Option<u32>,
    /// What is wrong, and what would be right. Plain text.
    pub(crate) reason: String,
}

impl RepositoryConfig {
    /// Of a repository that says nothing.
    pub(crate) fn unsaid(bounds: &Bounds) -> Self {
        Self {
            terms: Terms {
                ttl: bounds.ttl.min(bounds.max_lifetime),
                max_lifetime: bounds.max_lifetime,
                redeploy_on_push: false,
                starts_per_hour: bounds.starts_per_hour,
                settings: PreviewSettings {
                    environment: bounds.deployments.then(|| ENVIRONMENT.to_owned()),
                    ..PreviewSettings::default()
                },
            },
            who_may: WhoMay::default(),
            branches: Branches::default(),
        }
    }

    /// Of a repository whose file holds this.
    pub(crate) fn read(content: &[u8], repository: &Repository, bounds: &Bounds) -> Result<Self, Mistake> {
        let file = File::parse(content)?;
        let (ttl, max_lifetime) = lifetimes(&file, bounds)?;
        Ok(Self {
            terms: Terms {
                ttl,
                max_lifetime,
                redeploy_on_push: file.redeploy_on_push.unwrap_or_default(),
                starts_per_hour: starts_per_hour(&file, bounds)?,
                settings: settings(file.clone(), repository, bounds)?,
            },
            who_may: who_may(file.who_may)?,
            branches: file.branches.unwrap_or_default(),
        })
    }
}

/// Something is wrong, and it is no line's fault.
fn wrong(reason: impl Into<String>) -> Mistake {
    Mistake { line: None, reason: reason.into() }
}

/// Something is wrong with this value.
fn wrong_at<T>(value: &Spanned<T>, reason: impl Into<String>) -> Mistake {
    Mistake { line: file::line(value.referenced), ..wrong(reason) }
}

fn lifetimes(file: &File, bounds: &Bounds) -> Result<(Ttl, Ttl), Mistake> {
    let service = bounds.max_lifetime;
    let max_lifetime = match &file.max_ttl {
        Some(wanted) if wanted.value > service => {
            return Err(wrong_at(
                wanted,
                format!(
                    "`max_ttl` is {}, but no preview of this service lives longer than {service}",
                    wanted.value
                ),
            ));
        }
        Some(wanted) => wanted.value,
        None => service,
    };
    match &file.ttl {
        Some(wanted) if wanted.value > max_lifetime => Err(wrong_at(
            wanted,
            if max_lifetime < service {
                format!("`ttl` is {}, more than `max_ttl`, which is {max_lifetime}", wanted.value)
            } else {
                format!(
                    "`ttl` is {}, but no preview of this service lives longer than {service}",
                    wanted.value
                )
            },
        )),
        Some(wanted) => Ok((wanted.value, max_lifetime)),
        None => Ok((bounds.ttl.min(max_lifetime), max_lifetime)),
    }
}

fn starts_per_hour(file: &File, bounds: &Bounds) -> Result<u32, Mistake> {
    let wanted = file.limits.as_ref().and_then(|limits| limits.starts_per_hour.as_ref());
    Ok(limit("starts_per_hour", wanted, bounds.starts_per_hour)?.unwrap_or(bounds.starts_per_hour))
}

fn limits(file: &File, capacity: &Capacity) -> Result<RepositoryLimits, Mistake> {
    let Some(limits) = &file.limits else {
        return Ok(RepositoryLimits::default());
    };
    Ok(RepositoryLimits {
        live: limit("live", limits.live.as_ref(), capacity.per_repository)?,
        live_per_person: limit("live_per_person", limits.live_per_person.as_ref(), capacity.per_person)?,
    })
}

/// A repository may allow itself less than the service does, and something.
fn limit(name: &str, wanted: Option<&Spanned<u32>>, service: u32) -> Result<Option<u32>, Mistake> {
    match wanted {
        Some(wanted) if wanted.value == 0 => {
            Err(wrong_at(wanted, format!("`{name}` is 0: there would be no preview")))
        }
        Some(wanted) if wanted.value > service => Err(wrong_at(
            wanted,
            format!("`{name}` is {}, but this service allows no more than {service}", wanted.value),
        )),
        wanted => Ok(wanted.map(|wanted| wanted.value)),
    }
}

fn quota(wanted: Option<&file::Quota>, most: &Quota) -> Result<RepositoryQuota, Mistake> {
    let Some(wanted) = wanted else {
        return Ok(RepositoryQuota::default());
    };
    Ok(RepositoryQuota {
        pods: limit("pods", wanted.pods.as_ref(), most.pods)?,
        cpu: amount("cpu", wanted.cpu.as_ref(), &most.cpu)?,
        memory: amount("memory", wanted.memory.as_ref(), &most.memory)?,
        storage: amount("storage", wanted.storage.as_ref(), &most.storage)?,
    })
}

/// What is written, if it is an amount and no more than the service allows.
fn amount<T>(name: &str, wanted: Option<&Spanned<String>>, most: &T) -> Result<Option<T>, Mistake>
where
    T: FromStr<Err = InvalidAmount> + PartialOrd + fmt::Display,
{
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let amount: T = wanted
        .value
        .parse()
        .map_err(|invalid| wrong_at(wanted, format!("`{name}`: {invalid}")))?;
    if amount > *most {
        return Err(wrong_at(
            wanted,
            format!("`{name}` is {amount}, but this service allows no more than {most}"),
        ));
    }
    Ok(Some(amount))
}

fn settings(file: File, repository: &Repository, bounds: &Bounds) -> Result<PreviewSettings, Mistake> {
    let limits = limits(&file, &bounds.capacity)?;
    let images = images(&file, repository, &bounds.images)?;
    let values = file.values.unwrap_or_default();
    for (text, line) in values.texts() {
        check_images(text, &images)
            .map_err(|unknown| Mistake { line, ..wrong(format!("`values`: {unknown}")) })?;
    }
    let values_files = file.values_files.unwrap_or_default();
    let lines = lines(&values_files, &values)?;
    let image = file.image.map(|text| match bounds.images.find(Some(&text.value), repository) {
        Ok(_) => Ok(text.value),
        Err(refused) => Err(wrong_at(&text, format!("`image`: {refused}"))),
    });
    let quota = quota(file.quota.as_ref(), &bounds.quota_max)?;
    let egress = file.egress.unwrap_or_default().into_iter().map(|name| {
        match bounds.destinations.choose(std::slice::from_ref(&name.value)) {
            Ok(_) => Ok(name.value),
            Err(unknown) => Err(wrong_at(&name, format!("`egress`: {unknown}"))),
        }
    });
    let readiness = file.readiness.map(|wanted| readiness(wanted, bounds.readiness_timeout));
    let expose = file.expose.as_ref().map(expose);
    let environment = file.environment.map(|text| {
        let length = text.value.chars().count();
        if (1..=ENVIRONMENT_MAX).contains(&length) && !text.value.contains(char::is_control) {
            Ok(text.value)
        } else {
            Err(wrong_at(
                &text,
                format!("`environment` is one line of at most {ENVIRONMENT_MAX} characters"),
            ))
        }
    });
    let settings = PreviewSettings {
        chart: file.chart.map(|chart| chosen(&chart, &bounds.charts)).transpose()?,
        values: values.into_map(),
        values_files: values_files.into_iter().map(|file| file.value).collect(),
        lines,
        image: image.transpose()?,
        images,
        environment: environment
            .transpose()?
            .or_else(|| Some(ENVIRONMENT.to_owned()))
            .filter(|_| bounds.deployments),
        limits,
        egress: egress.collect::<Result<_, _>>()?,
        quota,
        readiness: readiness.transpose()?.unwrap_or_default(),
        expose: expose.transpose()?,
    };
    // Of other charts it is known when they are fetched.
    let asked_for = bounds.charts.ask_for_values(settings.chart.as_ref());
    match taken(&settings).filter(|_| asked_for) {
        Some(taken) => Err(Mistake { line: taken.line, ..wrong(taken.to_string()) }),
        None => Ok(settings),
    }
}

fn chosen(chart: &Spanned<Chart>, charts: &Charts) -> Result<ChartSource, Mistake> {
    let wrong = |reason: &dyn fmt::Display| wrong_at(chart, format!("`chart`: {reason}"));
    let source = source(&chart.value).map_err(|invalid| wrong(&invalid))?;
    match charts.find(Some(&source)) {
        Ok(_) => Ok(source),
        Err(refused) => Err(wrong(&refused)),
    }
}

/// Four kinds of charts, told apart by how they are written.
fn source(chart: &Chart) -> Result<ChartSource, InvalidRepositoryPath> {
    Ok(match chart {
        Chart::Text(text) if text.starts_with("oci://") => ChartSource::Oci(text.clone()),
        Chart::Text(text) if text.starts_with(['.', '/']) => ChartSource::Path(text.parse()?),
        Chart::Text(text) => ChartSource::Packaged(text.clone()),
        Chart::OfHelmRepository(HelmChart { repo, name, version }) => ChartSource::HelmRepository {
            repo: repo.clone(),
            name: name.clone(),
            version: version.clone(),
        },
    })
}

fn images(
    file: &File,
    repository: &Repository,
    allowed: &Images,
) -> Result<BTreeMap<ImageName, String>, Mistake> {
    let Some(images) = &file.images else {
        return Ok(BTreeMap::new());
    };
    if file.image.is_some() {
        return Err(wrong_at(images, "`image` and `images` exclude each other; keep one of them"));
    }
    if images.value.is_empty() {
        return Err(wrong_at(images, "`images` is empty: expected lines like `web: …`"));
    }
    let each =
        images
            .value
            .iter()
            .map(|(name, template)| match allowed.find(Some(&template.value), repository) {
                Ok(_) => Ok((name.clone(), template.value.clone())),
                Err(refused) => Err(wrong_at(template, format!("`images`: {refused}"))),
            });
    each.collect()
}

/// Where it stands what Helm, or the chart, may not be content with.
fn lines(values_files: &[Spanned<ChartPath>], values: &Values) -> Result<Lines, Mistake> {
    if let Some(more) = values_files.get(VALUES_FILES_MAX) {
        return Err(wrong_at(more, format!("`values_files` lists more than {VALUES_FILES_MAX} files")));
    }
    let files = values_files
        .iter()
        .enumerate()
        .filter_map(|(index, file)| Some((format!("/values_files/{index}"), file::line(file.referenced)?)));
    Ok(files.chain(values.lines()).collect())
}

fn readiness(wanted: file::Readiness, longest: Ttl) -> Result<ReadinessSettings, Mistake> {
    let timeout = wanted.timeout.map(|time| {
        if time.value.as_duration() < WORKLOADS_UP_MIN {
            let shortest = WORKLOADS_UP_MIN.as_secs();
            Err(wrong_at(&time, format!("`timeout` is {}: expected at least {shortest}s", time.value)))
        } else if time.value > longest {
            Err(wrong_at(
                &time,
                format!("`timeout` is {}, but this service waits no longer than {longest}", time.value),
            ))
        } else {
            Ok(time.value)
        }
    });
    let is_asked = wanted.path.is_some() || wanted.status.is_some();
    let probe = match wanted.tcp {
        Some(tcp) if tcp.value && is_asked => {
            return Err(wrong_at(&tcp, "`tcp` asks for no page: remove it, or `path` and `status`"));
        }
        Some(tcp) if tcp.value => Probe::Tcp,
        _ => {
            let path = wanted.path.map(|text| {
                ProbePath::try_from(text.value.clone())
                    .map_err(|invalid| wrong_at(&text, format!("`path`: {invalid}")))
            });
            let expects = wanted.status.map(|statuses| {
                if statuses.value.0.is_empty() {
                    return Err(wrong_at(&statuses, "`status` is empty: remove it, or name at least one"));
                }
                ExpectedStatus::try_from(statuses.value.0.clone())
                    .map_err(|invalid| wrong_at(&statuses, format!("`status`: {invalid}")))
            });
            Probe::Http {
                path: path.transpose()?.unwrap_or_default(),
                expects: expects.transpose()?.unwrap_or_default(),
            }
        }
    };
    Ok(ReadinessSettings { probe, timeout: timeout.transpose()? })
}

fn expose(wanted: &file::Expose) -> Result<Expose, Mistake> {
    let service = ServiceTemplate::try_from(wanted.service.value.clone())
        .map_err(|invalid| wrong_at(&wanted.service, format!("`service`: {invalid}")))?;
    let port = match &wanted.port.value {
        Port::Number(number) => ServicePort::number(*number),
        Port::Name(name) => PortName::try_from(name.clone()).map(ServicePort::Name),
    };
    let port = port.map_err(|invalid| wrong_at(&wanted.port, format!("`port`: {invalid}")))?;
    Ok(Expose { service, port })
}

fn who_may(named: Option<Spanned<WhoMay>>) -> Result<WhoMay, Mistake> {
    match named {
        None => Ok(WhoMay::default()),
        Some(named) if named.value == WhoMay::default() => Err(wrong_at(
            &named,
            "`who_may` is empty: remove it, and everyone with write access may request previews",
        )),
        Some(named) => Ok(named.value),
    }
}

#[cfg(test)]
mod tests;
