//! The form of `.preview.yaml`, and what is said about a mistake in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use domain::{ChartPath, ImageName, Ttl};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_saphyr::{
    Error, Location, MergeKeyPolicy, MessageFormatter, Options, Spanned, UserMessageFormatter,
    budget::BudgetBreach,
};

use super::{Branches, Mistake, SIZE_MAX, WhoMay, values::Values, wrong};
use crate::listed::listed;

/// How much of the parser's words is repeated, in characters.
const REASON_MAX: usize = 300;

/// The file, field for field. `docs/preview.schema.json` says the same to editors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// What is installed.
    pub(super) chart: Option<Spanned<Chart>>,
    /// Values for the chart.
    pub(super) values: Option<Values>,
    /// Files of values that the chart brings along.
    pub(super) values_files: Option<Vec<Spanned<ChartPath>>>,
    /// How long a preview lives.
    pub(super) ttl: Option<Spanned<Ttl>>,
    /// How long it may live at the most.
    pub(super) max_ttl: Option<Spanned<Ttl>>,
    /// The image of a commit.
    pub(super) image: Option<Spanned<String>>,
    /// The images of a commit, where it has several.
    pub(super) images: Option<Spanned<BTreeMap<ImageName, Spanned<String>>>>,
    /// A push renews the preview that the pull request has.
    pub(super) redeploy_on_push: Option<bool>,
    /// Who may ask for previews.
    pub(super) who_may: Option<Spanned<WhoMay>>,
    /// Which further branches decide about the pull requests into them.
    pub(super) branches: Option<Branches>,
    /// Under which name previews stand in GitHub's list of deployments.
    pub(super) environment: Option<Spanned<String>>,
    /// How many previews there may be.
    pub(super) limits: Option<Limits>,
    /// What pods may reach outside.
    pub(super) egress: Option<Vec<Spanned<String>>>,
    /// What pods may take together.
    pub(super) quota: Option<Quota>,
    /// When a preview counts as ready.
    pub(super) readiness: Option<Readiness>,
    /// Where its address leads, if the chart makes no Ingress.
    pub(super) expose: Option<Expose>,
}

/// What the pods of one preview may take together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quota {
    /// So many of them.
    pub(super) pods: Option<Spanned<u32>>,
    /// So much computing: `4` or `500m`.
    pub(super) cpu: Option<Spanned<String>>,
    /// So much memory: `4Gi`.
    pub(super) memory: Option<Spanned<String>>,
    /// So much storage in volumes.
    pub(super) storage: Option<Spanned<String>>,
}

/// A chart, as it can be written.
#[derive(Clone, Debug)]
pub(super) enum Chart {
    /// A name, an `oci://` reference or a `./path`.
    Text(String),
    /// One of a Helm repository.
    OfHelmRepository(HelmChart),
}

/// A chart in a Helm repository.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HelmChart {
    /// Where the repository is.
    pub(super) repo: String,
    /// What the chart is called there.
    pub(super) name: String,
    /// In which version.
    pub(super) version: String,
}

impl<'de> Deserialize<'de> for Chart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChartVisitor)
    }
}

struct ChartVisitor;

impl<'de> Visitor<'de> for ChartVisitor {
    type Value = Chart;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or `repo`, `name` and `version`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Chart, E> {
        Ok(Chart::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Chart, A::Error> {
        HelmChart::deserialize(MapAccessDeserializer::new(map)).map(Chart::OfHelmRepository)
    }
}

/// When a preview counts as ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Readiness {
    /// The page that is asked for.
    pub(super) path: Option<Spanned<String>>,
    /// How that is to be answered.
    pub(super) status: Option<Spanned<Statuses>>,
    /// How long workloads may take to come up.
    pub(super) timeout: Option<Spanned<Ttl>>,
    /// A connection is enough.
    pub(super) tcp: Option<Spanned<bool>>,
}

/// A Service of the chart.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expose {
    /// Its name, with `{release}` left open.
    pub(super) service: Spanned<String>,
    /// Its port.
    pub(super) port: Spanned<Port>,
}

/// One status or several.
#[derive(Clone, Debug)]
pub(super) struct Statuses(pub(super) BTreeSet<u16>);

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Statuses;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number like 200, or a list of them")
            }

            fn visit_u64<E: de::Error>(self, status: u64) -> Result<Statuses, E> {
                match u16::try_from(status) {
                    Ok(status) => Ok(Statuses(BTreeSet::from([status]))),
                    Err(_) => self.visit_str(&status.to_string()),
                }
            }

            fn visit_i64<E: de::Error>(self, status: i64) -> Result<Statuses, E> {
                self.visit_str(&status.to_string())
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
                let shown = shortened(text, 40);
                Err(E::custom(format!(
                    "`{shown}` is no status: expected a number like 200, or a list of them"
                )))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Statuses, A::Error> {
                let mut statuses = BTreeSet::new();
                while let Some(status) = list.next_element()? {
                    statuses.insert(status);
                }
                Ok(Statuses(statuses))
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

/// A port by its number or its name.
#[derive(Clone, Debug)]
pub(super) enum Port {
    Number(u64),
    Name(String),
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrName;

        impl Visitor<'_> for NumberOrName {
            type Value = Port;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port's number or its name, like 80 or `http`")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Port, E> {
                Ok(Port::Number(number))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Port, E> {
                Ok(Port::Name(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Port, E> {
                Ok(Port::Name(name.to_owned()))
            }
        }

        deserializer.deserialize_any(NumberOrName)
    }
}

/// How many previews a repository allows itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// So many of them live at once.
    pub(super) live: Option<Spanned<u32>>,
    /// So many of one person.
    pub(super) live_per_person: Option<Spanned<u32>>,
    /// So many may one person have started in an hour.
    pub(super) starts_per_hour: Option<Spanned<u32>>,
}

impl File {
    pub(super) fn parse(content: &[u8]) -> Result<Self, Mistake> {
        if content.len() as u64 > SIZE_MAX {
            return Err(too_large());
        }
        let text = str::from_utf8(content).map_err(|error| Mistake {
            line: line_of(&content[..error.valid_up_to()]),
            ..wrong("this is no text in UTF-8")
        })?;
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
            let line = error.location().and_then(line);
            Mistake { line, ..wrong(reason(&error, text_of(text, line))) }
        })
    }
}

/// The size alone is wrong.
pub(crate) fn too_large() -> Mistake {
    wrong(format!("the file is larger than {} KiB", SIZE_MAX / 1024))
}

/// There is something of that name, and it is no file.
pub(crate) fn no_file() -> Mistake {
    wrong("this is no file")
}

/// The line of a place in the file, from 1.
pub(super) fn line(location: Location) -> Option<u32> {
    u32::try_from(location.line()).ok().filter(|line| *line > 0)
}

fn line_of(before: &[u8]) -> Option<u32> {
    u32::try_from(before.split(|byte| *byte == b'\n').count()).ok()
}

fn text_of(text: &str, line: Option<u32>) -> &str {
    let index = line.and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
    index.and_then(|index| text.lines().nth(index)).unwrap_or_default()
}

/// YAML at its plainest: what is written is what is meant, and the little that is written cannot become much.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: 20,
            max_documents: 1,
            max_nodes: 10_000,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// The parser's own words are for developers; the mistakes that people make most are told in ours.
fn reason(error: &Error, at: &str) -> String {
    let reason = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("there is no `{}` here, only {}", shortened(field, 40), listed(expected.iter()))
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("`{}` is there twice", shortened(key, 40))
        }
        Error::InvalidBooleanStrict { .. } => "expected `true` or `false`".to_owned(),
        Error::InvalidScalar { .. } => "expected a number".to_owned(),
        Error::Unexpected { expected, .. } => match *expected {
            "mapping start" => "expected lines like `name: value`".to_owned(),
            "sequence start" => "expected a list, of lines like `- value`".to_owned(),
            "string scalar" => "expected a text".to_owned(),
            other => format!("expected {other}"),
        },
        Error::MultipleDocuments { .. } | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "expected one document, without `---`".to_owned()
        }
        Error::MergeKeyNotAllowed { .. }
        | Error::UnknownAnchor { .. }
        | Error::Budget {
            breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. },
            ..
        } => "anchors and aliases (`&`, `*`, `<<`) are not read here; write it out".to_owned(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => "this is nested too deeply".to_owned(),
        Error::Budget { .. } => "this is more than a configuration can hold".to_owned(),
        other => UserMessageFormatter.format_message(other).into_owned(),
    };
    let hint = match error.without_snippet() {
        // YAML reserves `@`, and its complaint does not say what to do about it.
        Error::ExternalMessage { .. } if at.contains('@') => {
            "; a text that begins with `@` needs quotes, like `\"@mona\"`"
        }
        _ => "",
    };
    format!("{}{hint}", shortened(&reason, REASON_MAX))
}

fn shortened(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}
