//! Reports, and lists of hosts.

use bulla_registry_client::ClientError;
use bulla_schemas::api::HostReport;

use crate::server::{Reply, Server, project};

const REPORT: &str = r#"{"observedAt":"2026-11-28T06:39:49Z","interval":"1m","installer":"0.1.0","system":"Debian","logSize":812,"projects":[]}"#;

#[tokio::test]
async fn a_report_is_sent_with_the_token_and_again_when_the_registry_was_busy() {
    let server = Server::start(|earlier, _| match earlier {
        0 => Reply::new(503, &[], b""),
        _ => Reply::new(204, &[("content-length", "0")], b""),
    })
    .await;
    let report: HostReport = serde_json::from_str(REPORT).unwrap();
    let host = "web1.acme.example".parse().unwrap();
    let left_out = server.client().report(&host, &report).await.unwrap();
    assert_eq!(left_out, []);
    let line = "POST /api/v1/hosts/web1.acme.example/report";
    assert_eq!(server.lines(), [line, line]);
    let request = &server.requests()[1];
    assert_eq!(request.header("authorization"), Some("Bearer secret"));
    assert_eq!(request.body, REPORT.as_bytes());
}

#[tokio::test]
async fn a_token_of_another_host_is_not_tried_twice() {
    let body = br#"{"error":"forbidden","message":"the token does not allow `report` for `host web2`","requestId":"1"}"#;
    let server = Server::start(|_, _| Reply::new(403, &[], body)).await;
    let report: HostReport = serde_json::from_str(REPORT).unwrap();
    let (client, host) = (server.client(), "web2".parse().unwrap());
    let refused = client.report(&host, &report).await;
    assert_eq!(refused.unwrap_err().status(), Some(403));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_a_token_is_not_for_is_left_out_and_named() {
    let body = br#"{"leftOut":["acme/billing"],"later":1}"#;
    let server = Server::start(|_, _| Reply::new(200, &[], body)).await;
    let report: HostReport = serde_json::from_str(REPORT).unwrap();
    let host = "web1".parse().unwrap();
    let left_out = server.client().report(&host, &report).await.unwrap();
    assert_eq!(left_out, [project()]);
}

fn page(host: &str, next: Option<&str>) -> Vec<u8> {
    let next = next.map_or_else(String::new, |next| format!(r#","next":"{next}""#));
    format!(
        r#"{{"items":[{{"host":"{host}","state":"current","receivedAt":"2026-11-28T06:39:49Z","report":{{"project":"acme/billing","standing":"up-to-date"}}}}]{next}}}"#
    )
    .into_bytes()
}

#[tokio::test]
async fn a_list_is_read_to_its_end_also_across_pages_without_items() {
    let server = Server::start(|earlier, _| match earlier {
        0 => Reply::new(200, &[], &page("web1", Some("web1"))),
        1 => Reply::new(200, &[], br#"{"items":[],"next":"web2"}"#),
        _ => Reply::new(200, &[], &page("web3", None)),
    })
    .await;
    let found = server.client().deployments(&project()).await.unwrap();
    let hosts: Vec<_> = found.iter().map(|item| item.host.as_str()).collect();
    assert_eq!(hosts, ["web1", "web3"]);
    let list = "GET /api/v1/projects/acme%2Fbilling/where";
    assert_eq!(
        server.lines(),
        [
            list.to_owned(),
            format!("{list}?after=web1"),
            format!("{list}?after=web2")
        ]
    );
}

#[tokio::test]
async fn a_list_that_goes_round_in_a_circle_ends() {
    let server = Server::start(|_, _| Reply::new(200, &[], &page("web1", Some("web1")))).await;
    let error = server.client().deployments(&project()).await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { .. }), "{error}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_list_that_does_not_fit_into_memory_ends() {
    // Each page ends in blanks, which is JSON too.
    let server = Server::start(|earlier, _| {
        let mut page = page("web1", Some(&format!("web{earlier:04}")));
        page.resize(8 << 20, b' ');
        Reply::new(200, &[], &page)
    })
    .await;
    let error = server.client().deployments(&project()).await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
    assert_eq!(server.requests().len(), 9);
}
