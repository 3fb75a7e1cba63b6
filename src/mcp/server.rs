//! The server: requests in, answers out.

use super::roots::Roots;
use super::session::Session;
use super::tools;
use crate::image::SearchOptions;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Serves one client on standard input and output until it goes away. Dumps are opened below `roots` alone.
///
/// # Errors
/// When the client does not speak the protocol, or cannot be written to.
pub fn serve(roots: Roots, search: SearchOptions) -> io::Result<()> {
    let server = Server { session: Arc::new(Mutex::new(Session::new(roots, search))) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let served = runtime.block_on(async {
        let running = server.serve((tokio::io::stdin(), tokio::io::stdout())).await.map_err(io::Error::other)?;
        running.waiting().await.map_err(io::Error::other)
    });
    // A client that went away in the middle of a long answer is not waited for.
    runtime.shutdown_background();
    served.map(drop)
}

#[derive(Clone)]
struct Server {
    session: Arc<Mutex<Session>>,
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

    /// One call after the other, on a thread of its own: the client can be heard meanwhile.
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let session = Arc::clone(&self.session);
        let CallToolRequestParams { name, arguments, .. } = request;
        let called = name.clone();
        let work = move || {
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            tools::call(&mut session, &called, arguments)
        };
        let answer = tokio::task::spawn_blocking(work).await;
        let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        answer.map(CallToolResponse::from).ok_or_else(|| {
            let name = crate::base::escape_terminal(&name);
            ErrorData::invalid_params(format!("there is no tool {name:?}"), None)
        })
    }
}
