//! How is Temporal reached, and is it there?

use std::time::Duration;

use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;

use crate::config::Config;

/// How often a server that does not answer yet is tried again.
const CONNECT_EVERY: Duration = Duration::from_secs(2);

/// Tries until Temporal answers and knows our namespace.
pub async fn connect(config: &Config, connection: &ConnectionOptions) -> Client {
    loop {
        match try_connect(config, connection).await {
            Ok(client) => return client,
            Err(error) => {
                let address = config.temporal.temporal_address.as_str();
                tracing::warn!(
                    address,
                    error = format!("{error:#}"),
                    "Temporal does not answer; trying again (TEMPORAL_ADDRESS)"
                );
                tokio::time::sleep(CONNECT_EVERY).await;
            }
        }
    }
}

async fn try_connect(config: &Config, connection: &ConnectionOptions) -> anyhow::Result<Client> {
    let connection = Connection::connect(connection.clone()).await?;
    let client = Client::new(
        connection,
        ClientOptions::new(config.temporal.temporal_namespace.as_str()).build(),
    )?;
    check(&client).await?;
    Ok(client)
}

/// Succeeds if Temporal answers and knows our namespace.
///
/// # Errors
/// Temporal's own words.
pub async fn check(client: &Client) -> Result<(), Status> {
    let request = DescribeNamespaceRequest {
        namespace: client.options().namespace.clone(),
        ..DescribeNamespaceRequest::default()
    };
    client
        .connection()
        .workflow_service()
        .describe_namespace(request.into_request())
        .await?;
    Ok(())
}
