//! Statements that wait for signatures: what is asked, and what is believed of the answers.

use std::time::Duration;

use bulla_schemas::Digest;

use crate::server::{Reply, Server};

fn proposal(id: char) -> String {
    format!(
        r#"{{"id":"sha256:{}","envelope":{{"payload":"e30=","payloadType":"a/b","signatures":[]}},
            "proposedBy":"SHA256:x","proposedAt":"2026-11-30T16:00:00Z","expiresAt":"2026-12-07T16:00:00Z"}}"#,
        id.to_string().repeat(64)
    )
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let server = Server::start(|earlier, _| {
        let (one, next) = match earlier {
            0 => ('a', r#","next":"sha256:aa""#),
            _ => ('b', ""),
        };
        let page = format!(r#"{{"items":[{}]{next}}}"#, proposal(one));
        Reply::new(200, &[], page.as_bytes())
    })
    .await;
    let found = server.client().proposals().await.unwrap();
    assert_eq!(found.len(), 2);
    let second = "GET /api/v1/proposals?after=sha256%3Aaa";
    assert_eq!(server.lines(), ["GET /api/v1/proposals", second]);
}

#[tokio::test]
async fn signatures_are_sent_again_when_the_answer_is_lost() {
    let server = Server::start(|earlier, _| match earlier {
        0 => Reply::cut_after(2),
        _ => Reply::new(200, &[], proposal('a').as_bytes()),
    })
    .await;
    let two_days = Some(Duration::from_hours(48));
    let proposed = server.client().propose(b"{}", two_days).await.unwrap();
    assert_eq!(proposed.entry, None);
    let line = "POST /api/v1/proposals?expires=172800";
    assert_eq!(server.lines(), [line, line]);
    let request = &server.requests()[1];
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Bearer secret"));
}

#[tokio::test]
async fn what_is_gone_is_withdrawn_and_what_is_refused_is_not() {
    let id = Digest::of(b"statement");
    for (status, is_done) in [(204, true), (404, true), (403, false)] {
        let server =
            Server::start(move |_, _| Reply::new(status, &[("content-length", "0")], b"")).await;
        let withdrawn = server.client().withdraw(&id).await;
        assert_eq!(withdrawn.is_ok(), is_done, "{status}");
        assert_eq!(server.lines(), [format!("DELETE /api/v1/proposals/{id}")]);
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_it() {
    let server = Server::start(|_, _| {
        Reply::new(200, &[("content-length", "999999999999")], b"{").endless()
    })
    .await;
    server.client().propose(b"{}", None).await.unwrap_err();
}

#[tokio::test]
async fn what_is_listed_twice_is_one_and_a_list_without_end_is_given_up() {
    let twice = format!(r#"{{"items":[{0},{1},{0}]}}"#, proposal('a'), proposal('b'));
    let server = Server::start(move |_, _| Reply::new(200, &[], twice.as_bytes())).await;
    let found = server.client().proposals().await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");

    let server = Server::start(|earlier, _| {
        let page = format!(r#"{{"items":[],"next":"sha256:{earlier:064}"}}"#);
        Reply::new(200, &[], page.as_bytes())
    })
    .await;
    let error = server.client().proposals().await.unwrap_err();
    assert!(
        error.to_string().contains("is not a page of a list"),
        "{error}"
    );
    assert_eq!(server.lines().len(), 256);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_takes_too_long_is_given_up() {
    let server = Server::start(|earlier, _| {
        let page = format!(r#"{{"items":[],"next":"sha256:{earlier:064}"}}"#);
        Reply::new(200, &[], page.as_bytes()).after(Duration::from_secs(20))
    })
    .await;
    let error = server.client().proposals().await.unwrap_err();
    assert!(
        error.to_string().contains("not complete after 300 seconds"),
        "{error}"
    );
}
