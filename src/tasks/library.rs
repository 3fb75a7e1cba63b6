//! asyncio's own functions that wait for something, by file and qualified name (Lib/asyncio, 3.8 to 3.15).

use crate::model::TaskWaitKind;

/// A function of asyncio in which tasks wait.
#[derive(Debug)]
pub(super) struct Call {
    /// File in Lib/asyncio.
    pub file: &'static str,
    /// `__qualname__`.
    pub name: &'static str,
    /// What is waited for.
    pub kind: TaskWaitKind,
    /// The variable that holds the object which is waited for; empty where the awaited future tells.
    pub object: &'static str,
    /// Whether it is what the program asked for, whatever it waits for in its turn.
    pub whole: bool,
}

const fn call(file: &'static str, name: &'static str, kind: TaskWaitKind, object: &'static str) -> Call {
    Call { file, name, kind, object, whole: false }
}

const fn whole(file: &'static str, name: &'static str, kind: TaskWaitKind, object: &'static str) -> Call {
    Call { file, name, kind, object, whole: true }
}

use TaskWaitKind as Kind;

/// All of them.
const CALLS: &[Call] = &[
    call("tasks.py", "sleep", Kind::Sleep, ""),
    call("tasks.py", "_wait", Kind::WaitMany, "fs"),
    call("tasks.py", "wait_for", Kind::OneTask, "fut"),
    call("tasks.py", "_cancel_and_wait", Kind::OneTask, "fut"),
    whole("tasks.py", "as_completed.<locals>._wait_for_one", Kind::AsCompleted, ""),
    whole("tasks.py", "_AsCompletedIterator._wait_for_one", Kind::AsCompleted, "self"),
    call("taskgroups.py", "TaskGroup.__aexit__", Kind::TaskGroup, "self"),
    call("taskgroups.py", "TaskGroup._aexit", Kind::TaskGroup, "self"),
    call("locks.py", "Lock.acquire", Kind::AsyncLock, "self"),
    call("locks.py", "Event.wait", Kind::AsyncEvent, "self"),
    call("locks.py", "Condition.wait", Kind::AsyncCondition, "self"),
    call("locks.py", "Semaphore.acquire", Kind::AsyncSemaphore, "self"),
    whole("locks.py", "Barrier.wait", Kind::AsyncBarrier, "self"),
    call("queues.py", "Queue.get", Kind::QueueGet, "self"),
    call("queues.py", "Queue.put", Kind::QueuePut, "self"),
    whole("queues.py", "Queue.join", Kind::QueueJoin, "self"),
    call("threads.py", "to_thread", Kind::ExecutorJob, ""),
    call("base_events.py", "BaseEventLoop.getaddrinfo", Kind::ExecutorJob, ""),
    call("base_events.py", "BaseEventLoop.getnameinfo", Kind::ExecutorJob, ""),
    call("base_events.py", "Server.serve_forever", Kind::Closing, "self"),
    call("base_events.py", "Server.wait_closed", Kind::Closing, "self"),
    call("base_subprocess.py", "BaseSubprocessTransport._wait", Kind::ChildProcess, "self"),
    call("streams.py", "StreamReader._wait_for_data", Kind::StreamRead, "self"),
    call("streams.py", "FlowControlMixin._drain_helper", Kind::StreamWrite, "self"),
    whole("streams.py", "StreamWriter.drain", Kind::StreamWrite, "self"),
    call("streams.py", "StreamWriter.wait_closed", Kind::Closing, "self"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_recv", Kind::SocketRead, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_recv_into", Kind::SocketRead, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_recvfrom", Kind::SocketRead, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_recvfrom_into", Kind::SocketRead, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_sendall", Kind::SocketWrite, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_sendto", Kind::SocketWrite, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_accept", Kind::SocketAccept, "sock"),
    call("selector_events.py", "BaseSelectorEventLoop.sock_connect", Kind::SocketConnect, "sock"),
];

/// The name of a file of asyncio; `None` for others.
pub(super) fn file_of(path: &str) -> Option<&str> {
    let (directory, file) = path.rsplit_once(['/', '\\'])?;
    (directory.rsplit(['/', '\\']).next() == Some("asyncio")).then_some(file)
}

/// The row of a function.
pub(super) fn call_of(file: &str, name: &str) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.file == file && call.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_asyncio_are_told_by_their_directory() {
        assert_eq!(file_of("/usr/lib/python3.13/asyncio/locks.py"), Some("locks.py"));
        assert_eq!(file_of(r"C:\Python313\Lib\asyncio\tasks.py"), Some("tasks.py"));
        assert_eq!(file_of("/srv/app/locks.py"), None);
        assert_eq!(file_of("locks.py"), None);
        assert!(call_of("locks.py", "Lock.acquire").is_some());
        assert!(call_of("queues.py", "Lock.acquire").is_none());
    }
}
