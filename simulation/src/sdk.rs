//! The workflows' own code, without a server: activations go in, commands come out.
//!
//! The SDK's seam between its workflow code and whatever runs it (its native worker, WebAssembly) is private.
//! This is the only file that uses it; the SDK's version is pinned. What is done here with each activation is
//! what `temporalio_sdk::workflow_future` does.

use std::{cell::RefCell, mem, rc::Rc, task::Waker};

use temporalio_common::{
    data_converters::{DataConverter, PayloadConverter},
    protos::{
        coresdk::{
            workflow_activation::{
                InitializeWorkflow, QueryWorkflow, WorkflowActivation, WorkflowActivationJob,
                workflow_activation_job::Variant as Job,
            },
            workflow_commands::{
                CancelWorkflowExecution, CompleteWorkflowExecution, FailWorkflowExecution, WorkflowCommand,
                workflow_command::Variant as Command,
            },
        },
        temporal::api::common::v1::Payload,
    },
};
use temporalio_workflow::{
    __private::sdk::{
        ActivationJobResult, GuestWorkflowInstance, MAIN_ROUTINE_ID, MainRoutineCompletion,
        RoutineCompletion, RoutineId, TerminalOutcome, WorkflowHost, WorkflowImplementation, WorkflowInit,
        WorkflowInstance,
    },
    BaseWorkflowContext,
};
use workflows::{OrphanSweep, PreviewWorkflow, PullRequestWorkflow};

use crate::{executor::Moment, temporal::TASK_QUEUE};

/// The namespace of Temporal, as workflows see it.
const NAMESPACE: &str = "default";

/// A run's code, as far as it has come.
pub(crate) struct WorkflowCode {
    instance: Box<dyn WorkflowInstance>,
    host: Rc<Host>,
    /// Handlers of signals that have not ended.
    routines: Vec<RoutineId>,
}

/// What an activation tells beside its jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivationContext {
    /// When its workflow task was started.
    pub at: Moment,
    /// Events in the history.
    pub history_length: u32,
    /// The history is long.
    pub suggests_continue_as_new: bool,
    /// It has happened before.
    pub is_replay: bool,
}

#[derive(Default)]
struct Host(RefCell<Vec<WorkflowCommand>>);

impl WorkflowHost for Host {
    fn set_current_details(&self, _details: String) {}

    fn push_command(&self, command: WorkflowCommand) {
        self.0.borrow_mut().push(command);
    }
}

impl WorkflowCode {
    /// The code of a run that begins. The first activation holds the same `start`.
    pub(crate) fn new(run_id: &str, start: &InitializeWorkflow) -> Result<Self, String> {
        let host = Rc::new(Host::default());
        let init = WorkflowInit {
            namespace: NAMESPACE.to_owned(),
            task_queue: TASK_QUEUE.to_owned(),
            run_id: run_id.to_owned(),
            initialize_workflow: start.clone(),
        };
        let context = BaseWorkflowContext::from_raw(
            init,
            DataConverter::default(),
            Rc::<Host>::clone(&host),
            None,
            Vec::new(),
        );
        let arguments = start.arguments.clone();
        let known = start.workflow_type.as_str();
        let instance = if known == PullRequestWorkflow::name() {
            instantiate::<PullRequestWorkflow>(arguments, context)
        } else if known == PreviewWorkflow::name() {
            instantiate::<PreviewWorkflow>(arguments, context)
        } else if known == OrphanSweep::name() {
            instantiate::<OrphanSweep>(arguments, context)
        } else {
            Err(format!("no workflow is called {known}"))
        }?;
        Ok(Self { instance, host, routines: Vec::new() })
    }

    /// Applies an activation, and polls the code until nothing makes progress.
    ///
    /// # Errors
    /// What would fail the workflow task.
    pub(crate) fn activate(
        &mut self,
        jobs: Vec<Job>,
        context: ActivationContext,
    ) -> Result<Vec<WorkflowCommand>, String> {
        let activated = self
            .instance
            .activate(activation(jobs, context), Waker::noop())
            .map_err(|failure| failure.message)?;
        for result in activated.job_results {
            if let ActivationJobResult::StartedRoutine(started) = result {
                self.routines.push(started.routine_id);
            }
        }
        while self.poll()? {}
        Ok(mem::take(&mut *self.host.0.borrow_mut()))
    }

    /// Answers a query.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) fn query(&mut self, name: &str, context: ActivationContext) -> Result<Payload, String> {
        let query = Job::QueryWorkflow(QueryWorkflow {
            query_id: "query".to_owned(),
            query_type: name.to_owned(),
            ..QueryWorkflow::default()
        });
        let activated = self
            .instance
            .activate(activation(vec![query], context), Waker::noop())
            .map_err(|failure| failure.message)?;
        match activated.job_results.into_iter().next() {
            Some(ActivationJobResult::QueryResponse(response)) => {
                response.result.map_err(|failure| failure.message)
            }
            other => Err(format!("a query was answered with {other:?}")),
        }
    }

    /// One pass over all routines. True if another pass is needed.
    fn poll(&mut self) -> Result<bool, String> {
        let mut made_progress = false;
        for routine in mem::take(&mut self.routines) {
            let polled = self.poll_routine(routine)?;
            made_progress |= polled.1;
            match polled.0 {
                None => self.routines.push(routine),
                Some(RoutineCompletion::Signal(result)) => result.map_err(|failure| failure.message)?,
                Some(other) => return Err(format!("a signal's handler ended as {other:?}")),
            }
        }
        let (completion, main_made_progress) = self.poll_routine(MAIN_ROUTINE_ID)?;
        let outcome = match completion {
            Some(RoutineCompletion::Main(MainRoutineCompletion::Blocked)) => {
                return Ok(made_progress || main_made_progress);
            }
            Some(RoutineCompletion::Main(MainRoutineCompletion::Terminal(outcome))) => *outcome,
            Some(RoutineCompletion::Main(MainRoutineCompletion::TaskFailed(task))) => {
                return Err(task.failure.message);
            }
            other => return Err(format!("the main routine ended as {other:?}")),
        };
        self.host.push_command(last_command(outcome).into());
        Ok(false)
    }

    fn poll_routine(&mut self, routine: RoutineId) -> Result<(Option<RoutineCompletion>, bool), String> {
        let polled = self
            .instance
            .poll_routine(routine, Waker::noop())
            .map_err(|failure| failure.message)?;
        Ok((polled.completion, polled.made_progress))
    }
}

fn instantiate<W>(
    arguments: Vec<Payload>,
    context: BaseWorkflowContext,
) -> Result<Box<dyn WorkflowInstance>, String>
where
    W: WorkflowImplementation,
    <W::Run as temporalio_common::WorkflowDefinition>::Input: Send,
{
    GuestWorkflowInstance::<W>::instantiate(arguments, PayloadConverter::default(), context)
        .map_err(|error| error.to_string())
}

fn activation(jobs: Vec<Job>, context: ActivationContext) -> WorkflowActivation {
    WorkflowActivation {
        timestamp: Some(std::time::SystemTime::from(context.at.timestamp()).into()),
        is_replaying: context.is_replay,
        history_length: context.history_length,
        continue_as_new_suggested: context.suggests_continue_as_new,
        jobs: jobs
            .into_iter()
            .map(|job| WorkflowActivationJob { variant: Some(job) })
            .collect(),
        ..WorkflowActivation::default()
    }
}

fn last_command(outcome: TerminalOutcome) -> Command {
    match outcome {
        TerminalOutcome::Completed(result) => {
            Command::CompleteWorkflowExecution(CompleteWorkflowExecution { result: Some(result) })
        }
        TerminalOutcome::Failed(failure) => {
            Command::FailWorkflowExecution(FailWorkflowExecution { failure: Some(*failure) })
        }
        TerminalOutcome::Cancelled(details) => {
            Command::CancelWorkflowExecution(CancelWorkflowExecution { details })
        }
        TerminalOutcome::ContinueAsNew(next) => Command::ContinueAsNewWorkflowExecution(*next),
    }
}
