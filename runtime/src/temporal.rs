//! The connection to Temporal.

use std::time::Duration;

use async_trait::async_trait;
use backon::{ConstantBuilder, Retryable};
use secrecy::ExposeSecret;
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, NamespacedClient, RetryOptions,
    grpc::WorkflowService,
    request_extensions::RetryConfigForCall,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;

use crate::{TemporalSettings, probes::Dependency};

/// How often a server that does not answer yet is tried again.
const CONNECT_EVERY: Duration = Duration::from_secs(2);
/// Longest wait for the namespace while connecting. The call is not repeated: the whole attempt is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Tries until Temporal answers and knows our namespace. It may be starting, too. An API key that is in a
/// file is read again from then on.
pub async fn connect(settings: &TemporalSettings, connection: &ConnectionOptions) -> Client {
    let without_end = ConstantBuilder::new().with_delay(CONNECT_EVERY).without_max_times();
    (|| try_connect(settings, connection))
        .retry(without_end)
        .notify(|error, _| {
            let address = settings.temporal_address.as_str();
            let error = format!("{error:#}");
            tracing::warn!(address, error, "Temporal does not answer; trying again (TEMPORAL_ADDRESS)");
        })
        .await
        .expect("it is tried without end")
}

/// Tries once.
///
/// # Errors
/// If Temporal does not answer, or does not know our namespace.
pub async fn try_connect(
    settings: &TemporalSettings,
    connection: &ConnectionOptions,
) -> anyhow::Result<Client> {
    let mut connection = connection.clone();
    let key = settings.api_key_in_file()?;
    if let Some(key) = &key {
        connection.api_key = Some(key.expose_secret().to_owned());
    }
    let connection = Box::pin(Connection::connect(connection)).await?;
    let options = ClientOptions::new(settings.temporal_namespace.as_str()).build();
    let client = Client::new(connection, options)?;
    check(&client).await?;
    if let Some(key) = key {
        tokio::spawn(settings.clone().keep_api_key_current(client.clone(), key));
    }
    Ok(client)
}

/// Succeeds if Temporal answers and knows our namespace.
///
/// # Errors
/// Temporal's own words.
pub async fn check(client: &Client) -> Result<(), Status> {
    let mut request = DescribeNamespaceRequest {
        namespace: client.namespace(),
        ..DescribeNamespaceRequest::default()
    }
    .into_request();
    request.set_timeout(CONNECT_TIMEOUT);
    request.extensions_mut().insert(RetryConfigForCall(RetryOptions::no_retries()));
    client.connection().clone().describe_namespace(request).await?;
    Ok(())
}

/// Code and words of Temporal's answer, for an operator.
#[must_use]
pub fn reason(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// Temporal, for probes.
pub struct TemporalIsThere(pub Client);

#[async_trait]
impl Dependency for TemporalIsThere {
    fn name(&self) -> &'static str {
        "Temporal"
    }

    async fn check(&self) -> Result<(), String> {
        let namespace = self.0.namespace();
        check(&self.0).await.map_err(|status| {
            format!(
                "reaching namespace {namespace} failed: Temporal says {}; check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE",
                reason(&status)
            )
        })
    }
}
