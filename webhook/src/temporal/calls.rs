//! Which calls does Temporal get from us, field for field?

use std::time::Duration;

use temporalio_client::{
    Connection, NamespacedClient, RetryOptions,
    grpc::WorkflowService,
    request_extensions::RetryConfigForCall,
    tonic::{IntoRequest, Status},
};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;

use super::Temporal;

/// Longest time for the call behind `/readyz`, which is not repeated: the next probe is.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

impl Temporal {
    /// Does the namespace exist, and does the server answer now?
    pub(super) async fn describe_namespace(&self) -> Result<(), Status> {
        let mut request = DescribeNamespaceRequest {
            namespace: self.client.namespace(),
            ..DescribeNamespaceRequest::default()
        }
        .into_request();
        request.set_timeout(CHECK_TIMEOUT);
        request
            .extensions_mut()
            .insert(RetryConfigForCall(RetryOptions::no_retries()));
        self.service().describe_namespace(request).await?;
        Ok(())
    }

    /// Calls made on the connection itself are repeated when that may help.
    fn service(&self) -> Connection {
        self.client.connection().clone()
    }
}
