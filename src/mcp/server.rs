//! The server: requests in, answers out.

use super::roots::Roots;
use super::session::Session;
use super::tools;
use crate::debuggee::Deadline;
use crate::image::SearchOptions;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer, ServerInitializeError};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _};
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time for a call once it is to end: the rest of its reading fails, and it says what it has.
const GRACE: Duration = Duration::from_secs(60);

/// Serves one client on standard input and output until it goes away. Dumps are opened below `roots` alone; a call that takes
/// longer than `time` is answered with what was read by then.
///
/// # Errors
/// When the client does not speak the protocol, or cannot be written to.
pub fn serve(roots: Roots, search: SearchOptions, time: Option<Duration>) -> io::Result<()> {
    let deadline = Deadline::default();
    let session = Arc::new(Mutex::new(Session::new(roots, search, deadline.clone())));
    let server = Server { session, turn: Arc::default(), deadline, time };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let served = runtime.block_on(async {
        match server.serve((tokio::io::stdin(), tokio::io::stdout())).await {
            Ok(running) => running.waiting().await.map(drop).map_err(io::Error::other),
            // One that went away before it said anything wants nothing.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    });
    // A client that went away in the middle of a long answer is not waited for.
    runtime.shutdown_background();
    served
}

#[derive(Clone)]
struct Server {
    session: Arc<Mutex<Session>>,
    /// Whose call it is: one after the other.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Of the call that is under way.
    deadline: Deadline,
    /// What a call may take.
    time: Option<Duration>,
}

impl Server {
    /// Does a call on a thread of its own, so that the client can be heard meanwhile: one that it takes back ends early, and
    /// so does one that takes too long.
    async fn in_time<T: Send + 'static>(
        &self,
        cancelled: impl Future<Output = ()>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ErrorData> {
        let failed = |why: &str| ErrorData::internal_error(why.to_owned(), None);
        let mut cancelled = std::pin::pin!(cancelled);
        let turn = tokio::select! {
            turn = Arc::clone(&self.turn).lock_owned() => turn,
            () = &mut cancelled => return Err(failed("cancelled")),
            () = after(self.time.map(|time| time.saturating_add(GRACE))) => {
                return Err(failed("an earlier call has not ended yet"));
            }
        };
        self.deadline.renew();
        let mut work = tokio::task::spawn_blocking(work);
        let done = tokio::select! {
            done = &mut work => done,
            () = first(after(self.time), cancelled) => {
                self.deadline.set();
                match tokio::time::timeout(GRACE, &mut work).await {
                    Ok(done) => done,
                    Err(_) => {
                        // The thread cannot be ended, and has the dumps: others wait for it.
                        tokio::spawn(async move {
                            let _ = work.await;
                            drop(turn);
                        });
                        return Err(failed("the call has not ended in time"));
                    }
                }
            }
        };
        done.map_err(|error| failed(&error.to_string()))
    }
}

/// After this time; without one never.
async fn after(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Once one of both is done.
async fn first(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let program = Implementation::new("pyinquest", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(program)
            .with_instructions(tools::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = tools::list().map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let session = Arc::clone(&self.session);
        let CallToolRequestParams { name, arguments, .. } = request;
        let called = name.clone();
        let work = move || {
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            tools::call(&mut session, &called, arguments)
        };
        let answer = self.in_time(context.ct.cancelled(), work).await?;
        answer.map(CallToolResponse::from).ok_or_else(|| {
            let name = crate::base::escape_terminal(&name);
            ErrorData::invalid_params(format!("there is no tool {name:?}"), None)
        })
    }
}
