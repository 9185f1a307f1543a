//! A node with one member per client library, who know each other.

use std::panic;
use std::thread;

use serde_json::json;

use crate::clients::Client;
use crate::driver::Driver;
use crate::support::node::TestNode;

/// The members' places in the list are their names in the tests.
#[derive(Debug)]
pub(crate) struct Team {
    pub(crate) node: TestNode,
    pub(crate) members: Vec<Driver>,
    /// Their numbers.
    pub(crate) phones: Vec<String>,
}

impl Team {
    /// Starts a node and a member for each client: invited, signed up, and in the others' contacts.
    pub(crate) fn gather(clients: &[&'static Client]) -> Self {
        Self::gather_on(TestNode::start(), clients)
    }

    /// [`Team::gather`] on a node that runs.
    pub(crate) fn gather_on(node: TestNode, clients: &[&'static Client]) -> Self {
        let invites: Vec<_> = clients.iter().map(|_| node.invite()).collect();
        let mut members = run_all(clients.iter().zip(&invites), |(&client, invite)| {
            let mut member = Driver::start(client, "first", &node);
            let version = member.command("version", json!({}));
            assert_eq!(version["version"], client.version, "{version}");
            assert_eq!(version["layer"].as_i64(), client.layer.map(i64::from), "{version}");
            assert!(member.login(invite), "an invited number signs up");
            member
        });
        let users: Vec<i64> = members.iter().map(|member| member.user).collect();
        for (at, user) in users.iter().enumerate() {
            assert!(!users[..at].contains(user), "an account of its own for each: {users:?}");
        }
        each(&mut members, |at, member| {
            for (other, (phone, _)) in invites.iter().enumerate().filter(|(other, _)| *other != at)
            {
                let found = member.command("find", json!({ "phone": phone }));
                assert_eq!(found["user_id"], users[other], "{} by phone", clients[other].name);
            }
        });
        let phones = invites.into_iter().map(|(phone, _)| phone).collect();
        Self { node, members, phones }
    }

    pub(crate) fn user(&self, at: usize) -> i64 {
        self.members[at].user
    }

    /// The place `steps` after `at`, around the table.
    pub(crate) fn next(&self, at: usize, steps: usize) -> usize {
        (at + steps) % self.members.len()
    }

    /// Libraries that check what they get have nothing to complain of: TDLib at verbosity 1, and
    /// what the Python libraries log as errors.
    pub(crate) fn assert_no_complaints(&mut self, of: impl Fn(&Client) -> bool) {
        for member in self.members.iter_mut().filter(|member| of(member.client)) {
            let log = member.command("log", json!({}));
            if log["lines"].as_array().is_none_or(|lines| !lines.is_empty()) {
                member.fail(&format!("the library complains: {log}"));
            }
        }
    }
}

/// Does something with each member at the same time.
pub(crate) fn each<R: Send>(
    members: &mut [Driver],
    work: impl Fn(usize, &mut Driver) -> R + Sync,
) -> Vec<R> {
    run_all(members.iter_mut().enumerate(), |(at, member)| work(at, member))
}

/// Runs `work` on each item, each in a thread of its own.
pub(crate) fn run_all<T: Send, R: Send>(
    items: impl Iterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = items.map(|item| scope.spawn(move || work(item))).collect();
        // All are waited for, so that the message of the first to fail is not cut short.
        let finished: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        let result =
            |one: thread::Result<R>| one.unwrap_or_else(|cause| panic::resume_unwind(cause));
        finished.into_iter().map(result).collect()
    })
}
