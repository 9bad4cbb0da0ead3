//! Registers the search attributes that previews are found by.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, bail};
use temporalio_client::{Client, tonic::IntoRequest};
use temporalio_common::{
    protos::temporal::api::{
        enums::v1::IndexedValueType,
        operatorservice::v1::{AddSearchAttributesRequest, ListSearchAttributesRequest},
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

fn wanted() -> HashMap<String, IndexedValueType> {
    fn entry<T: SearchAttributeValue>(key: &SearchAttributeKey<T>) -> (String, IndexedValueType) {
        (key.name().to_owned(), key.indexed_value_type())
    }
    HashMap::from([
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
/// If the attributes cannot be registered, or one of them exists with another type: Temporal then keeps the
/// old type without a word, and every preview would hang.
pub async fn register(client: &Client) -> anyhow::Result<()> {
    let wanted = wanted();
    let namespace = client.options().namespace.clone();
    let mut operator = client.connection().operator_service();
    let start = Instant::now();

    let add = AddSearchAttributesRequest {
        search_attributes: wanted.iter().map(|(name, kind)| (name.clone(), (*kind).into())).collect(),
        namespace: namespace.clone(),
    };
    // A server may leave this to its administrators. What counts is whether the attributes are there.
    let refused = operator.add_search_attributes(add.into_request()).await.err();

    loop {
        let list = ListSearchAttributesRequest { namespace: namespace.clone() };
        let existing = operator
            .list_search_attributes(list.into_request())
            .await
            .context("cannot list Temporal's search attributes")?
            .into_inner()
            .custom_attributes;
        match compare(&wanted, &existing) {
            Comparison::Complete => return Ok(()),
            Comparison::OtherType(name) => bail!(
                "Temporal's search attribute {name} exists with another type than {:?}: remove it with `temporal operator search-attribute remove --name {name}` and start again",
                wanted[&name]
            ),
            Comparison::Missing(name) => {
                if let Some(refused) = &refused {
                    bail!(
                        "Temporal's search attribute {name} does not exist and cannot be registered: {}",
                        refused.message()
                    );
                }
                if start.elapsed() > TIMEOUT {
                    bail!(
                        "Temporal's search attribute {name} did not appear within {} s of its registration",
                        TIMEOUT.as_secs()
                    );
                }
            }
        }
        sleep(LOOK_AGAIN).await;
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Comparison {
    Complete,
    Missing(String),
    OtherType(String),
}

fn compare(wanted: &HashMap<String, IndexedValueType>, existing: &HashMap<String, i32>) -> Comparison {
    let mut missing = None;
    for (name, kind) in wanted {
        match existing.get(name) {
            Some(existing) if *existing == i32::from(*kind) => {}
            Some(_) => return Comparison::OtherType(name.clone()),
            None => missing = Some(name.clone()),
        }
    }
    missing.map_or(Comparison::Complete, Comparison::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_of_another_type_is_worse_than_a_missing_one() {
        let mut existing: HashMap<String, i32> =
            wanted().into_iter().map(|(name, kind)| (name, kind.into())).collect();
        assert_eq!(compare(&wanted(), &existing), Comparison::Complete);

        existing.remove("PreviewPhase");
        assert_eq!(compare(&wanted(), &existing), Comparison::Missing("PreviewPhase".to_owned()));

        existing.insert("PreviewCommit".to_owned(), IndexedValueType::Text.into());
        assert_eq!(compare(&wanted(), &existing), Comparison::OtherType("PreviewCommit".to_owned()));
    }
}
