//! From which address a request comes: the connection's, unless that is a proxy that the operator
//! trusts to say who is behind it.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use ipnet::IpNet;

/// What most proxies say it with.
const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns the address of the client. What a proxy that is not trusted says counts for nothing, and
/// so does what stands before it: anybody may have written that.
pub(super) fn of_client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|range| range.contains(address));
    let mut address = peer.to_canonical();
    if !is_trusted(&address) {
        return address;
    }
    // Each proxy adds at the end by whom it was asked.
    for said in said(headers).into_iter().rev() {
        if !is_trusted(&address) {
            break;
        }
        let Some(said) = said else {
            break;
        };
        address = said;
    }
    address
}

/// Returns what proxies have said, the first one first; nothing in place of what is no address. Of
/// two headers the one that proxies write counts: `Forwarded` where there is no `X-Forwarded-For`.
fn said(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = |name: &str| -> Vec<String> {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        values.collect()
    };
    let list = values(X_FORWARDED_FOR).join(",");
    if !list.is_empty() {
        return list.split(',').map(address).collect();
    }
    let list = values(FORWARDED.as_str()).join(",");
    if list.is_empty() {
        return Vec::new();
    }
    let hops = list.split(',').map(|hop| {
        let mut parts = hop.split(';').filter_map(|part| part.split_once('='));
        let (_, node) = parts.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        address(node)
    });
    hops.collect()
}

/// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`, also in
/// quotation marks (RFC 7239 §6).
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    let address = address.or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&str, &str)], trusted: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|range| range.parse().unwrap()).collect();
        of_client(peer.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_is_behind_it() {
        let said = [(X_FORWARDED_FOR, "198.51.100.7")];
        assert_eq!(client("192.0.2.1", &said, &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &said, &["10.0.0.0/8"]), "192.0.2.1");
        assert_eq!(client("10.1.2.3", &said, &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(
            client("::ffff:10.1.2.3", &said, &["10.0.0.0/8"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn what_a_client_writes_itself_counts_for_nothing() {
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        for (value, expected) in [
            ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
            ("nonsense", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:80, 10.0.0.2:99", "2001:db8::1"),
        ] {
            let found = client("10.0.0.1", &[(X_FORWARDED_FOR, value)], &trusted);
            assert_eq!(found, expected, "{value}");
        }
        // Several headers are one list.
        let two = [
            (X_FORWARDED_FOR, "203.0.113.9"),
            (X_FORWARDED_FOR, "198.51.100.7"),
        ];
        assert_eq!(client("10.0.0.1", &two, &trusted), "198.51.100.7");
    }

    #[test]
    fn the_header_of_rfc_7239_is_read_where_the_other_one_is_missing() {
        let trusted = ["10.0.0.0/8"];
        let value = "for=203.0.113.9;proto=http, proto=https;For=\"[2001:db8::1]:4711\"";
        let forwarded = ("forwarded", value);
        assert_eq!(client("10.0.0.1", &[forwarded], &trusted), "2001:db8::1");
        let both = [forwarded, (X_FORWARDED_FOR, "198.51.100.7")];
        assert_eq!(client("10.0.0.1", &both, &trusted), "198.51.100.7");
        let hidden = [("forwarded", "for=203.0.113.9, for=_hidden")];
        assert_eq!(client("10.0.0.1", &hidden, &trusted), "10.0.0.1");
    }
}
