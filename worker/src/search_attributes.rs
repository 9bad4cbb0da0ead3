//! Makes sure of the search attributes that previews are found by.
//!
//! Temporal's OperatorService adds and lists them. Where it is closed, in Temporal Cloud for example, they
//! are tried by queries, and whoever runs the server is told what to add.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use anyhow::bail;
use runtime::temporal::reason;
use temporalio_client::{
    Client, NamespacedClient,
    tonic::{Code, IntoRequest, Status},
};
use temporalio_common::{
    protos::temporal::api::{
        enums::v1::IndexedValueType,
        operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
        workflowservice::v1::CountWorkflowExecutionsRequest,
    },
    search_attributes::{SearchAttributeKey, SearchAttributeValue},
};
use tokio::time::{Instant, sleep};
use workflows::search_attributes::{
    COMMIT, EXPIRES_AT, PHASE, PULL_REQUEST, REPOSITORY, REPOSITORY_ID, REQUESTED_BY,
};

/// A server tells its other parts about new attributes; that takes it up to a few seconds.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Names and types, in the order of the names.
type Attributes = BTreeMap<String, IndexedValueType>;

fn wanted() -> Attributes {
    fn entry<T: SearchAttributeValue>(key: &SearchAttributeKey<T>) -> (String, IndexedValueType) {
        (key.name().to_owned(), key.indexed_value_type())
    }
    Attributes::from([
        entry(&REPOSITORY),
        entry(&REPOSITORY_ID),
        entry(&PULL_REQUEST),
        entry(&COMMIT),
        entry(&PHASE),
        entry(&EXPIRES_AT),
        entry(&REQUESTED_BY),
    ])
}

/// Registers what is not registered yet, and returns when all of it can be used.
///
/// # Errors
/// If attributes are missing and cannot be registered, or one of them exists with another type: Temporal then
/// keeps the old type without a word, and every preview would hang.
pub async fn register(client: &Client) -> anyhow::Result<()> {
    let wanted = wanted();
    // A server may leave this to its administrators. What counts is whether the attributes are there.
    let refused = add(client, &wanted).await.err();
    let start = Instant::now();
    loop {
        let found = match list(client).await {
            Ok(existing) => compare(&wanted, &existing),
            Err(_) => probe(client, &wanted).await?,
        };
        if let Some(name) = found.of_other_type.first() {
            bail!(
                "Temporal's search attribute {name} exists with another type than {}: remove it with `temporal operator search-attribute remove --name {name}` and start again",
                type_name(wanted[name])
            );
        }
        if found.missing.is_empty() {
            return Ok(());
        }
        if let Some(refused) = &refused {
            bail!(ToAdd {
                namespace: client.namespace(),
                attributes: found.missing,
                refusal: reason(refused),
            });
        }
        if start.elapsed() > TIMEOUT {
            bail!(
                "Temporal's search attributes {} did not appear within {} s of their registration",
                Vec::from_iter(found.missing.into_keys()).join(", "),
                TIMEOUT.as_secs()
            );
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn add(client: &Client, wanted: &Attributes) -> Result<(), Status> {
    let add = AddSearchAttributesRequest {
        search_attributes: wanted.iter().map(|(name, kind)| (name.clone(), (*kind).into())).collect(),
        namespace: client.namespace(),
    };
    let mut operator = client.connection().operator_service();
    operator.add_search_attributes(add.into_request()).await.map(drop)
}

async fn list(client: &Client) -> Result<HashMap<String, i32>, Status> {
    let list = ListSearchAttributesRequest { namespace: client.namespace() };
    let mut operator = client.connection().operator_service();
    let listed = operator.list_search_attributes(list.into_request()).await?;
    Ok(listed.into_inner().custom_attributes)
}

/// What is not as it should be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    missing: Attributes,
    of_other_type: Vec<String>,
}

fn compare(wanted: &Attributes, existing: &HashMap<String, i32>) -> Found {
    let mut found = Found::default();
    for (name, kind) in wanted {
        match existing.get(name) {
            Some(existing) if *existing == i32::from(*kind) => {}
            Some(_) => found.of_other_type.push(name.clone()),
            None => {
                found.missing.insert(name.clone(), *kind);
            }
        }
    }
    found
}

/// Finds out by queries, which everybody may ask who may run workflows.
async fn probe(client: &Client, wanted: &Attributes) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for (name, kind) in wanted {
        if is_valid(client, typed_query(name, *kind)).await? {
            continue;
        }
        if is_valid(client, format!("{name} IS NULL")).await? {
            found.of_other_type.push(name.clone());
        } else {
            found.missing.insert(name.clone(), *kind);
        }
    }
    Ok(found)
}

/// A query that Temporal refuses if the attribute is missing or has another type. Integers and floating-point
/// numbers are compared alike.
fn typed_query(name: &str, kind: IndexedValueType) -> String {
    match kind {
        IndexedValueType::Keyword => format!("{name} STARTS_WITH 'x'"),
        // A date is a number and a text; no other type is both.
        IndexedValueType::Datetime => format!("{name} > 0 AND {name} < '2000-01-01T00:00:00Z'"),
        _ => format!("{name} = 1"),
    }
}

async fn is_valid(client: &Client, query: String) -> anyhow::Result<bool> {
    let count = CountWorkflowExecutionsRequest { namespace: client.namespace(), query };
    let mut temporal = client.connection().workflow_service();
    match temporal.count_workflow_executions(count.into_request()).await {
        Ok(_) => Ok(true),
        Err(status) if status.code() == Code::InvalidArgument => Ok(false),
        Err(status) => bail!(
            "Temporal does not say which search attributes it has: it neither lists them nor answers queries ({})",
            reason(&status)
        ),
    }
}

/// What the administrators have to add, as they would type it.
#[derive(Debug)]
struct ToAdd {
    namespace: String,
    attributes: Attributes,
    refusal: String,
}

impl fmt::Display for ToAdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, attributes, refusal } = self;
        writeln!(
            f,
            "Temporal lacks search attributes that previews are found by, and does not let this worker add them ({refusal}). Add them in one of these ways, and start again."
        )?;
        write!(
            f,
            "\nOn a server of your own:\n  temporal operator search-attribute create --namespace {namespace}"
        )?;
        for (name, kind) in attributes {
            write!(f, " --name {name} --type {}", type_name(*kind))?;
        }
        write!(f, "\nIn Temporal Cloud:\n  tcld namespace search-attributes add --namespace {namespace}")?;
        for (name, kind) in attributes {
            write!(f, " --search-attribute {name}={}", type_name(*kind))?;
        }
        writeln!(f, "\nIn Temporal Cloud, with Terraform:")?;
        writeln!(f, "  resource \"temporalcloud_namespace_search_attribute\" \"previews\" {{")?;
        write!(f, "    for_each = {{")?;
        for (index, (name, kind)) in attributes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma} {name} = \"{}\"", type_name(*kind))?;
        }
        writeln!(f, " }}")?;
        writeln!(f, "    namespace_id = \"{namespace}\"")?;
        writeln!(f, "    name = each.key")?;
        writeln!(f, "    type = each.value")?;
        write!(f, "  }}")
    }
}

/// As the programs of Temporal write it.
fn type_name(kind: IndexedValueType) -> &'static str {
    match kind {
        IndexedValueType::Keyword => "Keyword",
        IndexedValueType::Int => "Int",
        IndexedValueType::Datetime => "Datetime",
        other => other.as_str_name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_are_missing_are_told_from_those_of_another_type() {
        let mut existing: HashMap<String, i32> =
            wanted().into_iter().map(|(name, kind)| (name, kind.into())).collect();
        assert_eq!(compare(&wanted(), &existing), Found::default());

        existing.remove("PreviewPhase");
        existing.insert("PreviewCommit".to_owned(), IndexedValueType::Text.into());
        let found = Found {
            missing: Attributes::from([("PreviewPhase".to_owned(), IndexedValueType::Keyword)]),
            of_other_type: vec!["PreviewCommit".to_owned()],
        };
        assert_eq!(compare(&wanted(), &existing), found);
    }

    #[test]
    fn administrators_are_told_what_to_type() {
        let mut attributes = wanted();
        attributes.retain(|name, _| matches!(name.as_str(), "PreviewExpiresAt" | "PreviewPullRequest"));
        let to_add = ToAdd {
            namespace: "previews.a2bc3".to_owned(),
            attributes,
            refusal: "PermissionDenied: Request unauthorized.".to_owned(),
        };
        assert_eq!(
            to_add.to_string(),
            r#"Temporal lacks search attributes that previews are found by, and does not let this worker add them (PermissionDenied: Request unauthorized.). Add them in one of these ways, and start again.

On a server of your own:
  temporal operator search-attribute create --namespace previews.a2bc3 --name PreviewExpiresAt --type Datetime --name PreviewPullRequest --type Int
In Temporal Cloud:
  tcld namespace search-attributes add --namespace previews.a2bc3 --search-attribute PreviewExpiresAt=Datetime --search-attribute PreviewPullRequest=Int
In Temporal Cloud, with Terraform:
  resource "temporalcloud_namespace_search_attribute" "previews" {
    for_each = { PreviewExpiresAt = "Datetime", PreviewPullRequest = "Int" }
    namespace_id = "previews.a2bc3"
    name = each.key
    type = each.value
  }"#
        );
    }

    /// The page for Temporal Cloud says it, too.
    #[test]
    fn the_page_for_temporal_cloud_names_all_of_them() {
        let page = include_str!("../../docs/install/temporal-cloud.md");
        let all = wanted();
        assert_eq!(page.matches("--search-attribute ").count(), all.len());
        for (name, kind) in all {
            let argument = format!("--search-attribute {name}={}", type_name(kind));
            assert!(page.contains(&argument), "{argument} is missing");
        }
    }
}
