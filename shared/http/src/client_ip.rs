//! The client of a request: the address that the gateway saw. Behind the operator's own proxy that is the proxy's, and
//! the client is the one that the proxy names in a header, if it also sends the secret `edge` (S8, D6).

use http::{HeaderMap, HeaderName};
use lambda_http::request::RequestContext as GatewayContext;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tollgate_platform::{ConfigError, Env};
use tollgate_tokens::keys::{KeySource, SecretIds};

/// The header of the proxy's secret.
const EDGE_SECRET: HeaderName = HeaderName::from_static("x-edge-secret");
/// The one header whose addresses always have a port, in IPv6 without brackets: `2001:db8:0:0:0:0:0:1:46532`.
const CLOUDFRONT: &str = "cloudfront-viewer-address";

/// The name of the header in which the operator's own proxy names the client: `CLIENT_IP_HEADER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIpHeader(HeaderName);

impl ClientIpHeader {
    /// The header, where one is set; it needs the secret that `EDGE_SECRET_ID` names, which is added to `secrets`.
    ///
    /// # Errors
    /// When it is not a valid header name, or there is no secret.
    pub fn from_env(env: &Env, secrets: &mut SecretIds) -> Result<Option<Self>, ConfigError> {
        let Some(name) = env.get("CLIENT_IP_HEADER") else { return Ok(None) };
        let expects = "the name of a header that holds an address or a list of them, such as x-forwarded-for";
        let header: HeaderName = name.parse().map_err(|_| ConfigError::new("CLIENT_IP_HEADER", expects))?;
        if header == EDGE_SECRET || header == http::header::FORWARDED {
            return Err(ConfigError::new("CLIENT_IP_HEADER", format!("{expects}, found {name:?}")));
        }
        let secret = env.required("EDGE_SECRET_ID", "the name of the secret `edge`, for CLIENT_IP_HEADER")?;
        secrets.edge = Some(secret.to_owned());
        Ok(Some(Self(header)))
    }

    /// The client's address in these headers; `source_ip` is the one that the gateway saw.
    fn read(&self, headers: &HeaderMap, source_ip: Option<IpAddr>) -> Option<IpAddr> {
        let lines = headers.get_all(&self.0).iter().map(|line| line.to_str()).collect::<Result<Vec<_>, _>>().ok()?;
        let mut entries = lines.iter().flat_map(|line| line.split(',')).map(str::trim).rev();
        let last = self.parse(entries.next()?)?;
        // The gateway appends the peer's address to `x-forwarded-for`, after the entries of the proxy.
        let is_gateways = Some(last) == source_ip.map(|ip| ip.to_canonical());
        match entries.next() {
            Some(entry) if is_gateways => self.parse(entry),
            _ => Some(last),
        }
    }

    fn parse(&self, entry: &str) -> Option<IpAddr> {
        let ip = if self.0 == CLOUDFRONT {
            let (ip, port) = entry.rsplit_once(':')?;
            port.parse::<u16>().ok()?;
            address(ip)?
        } else {
            address(entry).or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))?
        };
        Some(ip.to_canonical())
    }
}

/// An address without a port; one of IPv6 may have brackets.
fn address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(text) => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// The operator's own proxy.
#[derive(Clone)]
pub struct EdgeProxy {
    header: ClientIpHeader,
    keys: Arc<KeySource>,
}

impl EdgeProxy {
    /// The proxy that sends this header, and the secret that `keys` reads.
    #[must_use]
    pub fn new(header: Option<&ClientIpHeader>, keys: &Arc<KeySource>) -> Option<Self> {
        header.map(|header| Self { header: header.clone(), keys: Arc::clone(keys) })
    }

    /// The values of a request that name its client, if it has both headers.
    fn claim(&self, headers: &HeaderMap, source_ip: Option<&str>) -> Option<Claim> {
        let mut secrets = headers.get_all(&EDGE_SECRET).iter();
        let (Some(secret), None) = (secrets.next(), secrets.next()) else { return None };
        let ip = self.header.read(headers, source_ip.and_then(|ip| ip.parse().ok()))?;
        Some(Claim { ip, secret: secret.as_bytes().to_vec() })
    }

    /// Whether `secret` is the secret `edge`. If that cannot be read the answer is no, and the log says so.
    async fn accepts(&self, secret: &[u8]) -> bool {
        self.keys.edge().await.is_ok_and(|keys| keys.accept(secret))
    }
}

/// The values of a request that name its client.
struct Claim {
    ip: IpAddr,
    secret: Vec<u8>,
}

impl std::fmt::Debug for EdgeProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EdgeProxy").field(&self.header).finish()
    }
}

/// The address of the client of `request`.
pub(crate) fn client_ip<B>(
    request: &http::Request<B>,
    proxy: Option<EdgeProxy>,
) -> impl Future<Output = Option<String>> + use<B> {
    let source_ip = match request.extensions().get::<GatewayContext>() {
        Some(GatewayContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
        _ => None,
    };
    let claim = proxy.as_ref().and_then(|proxy| proxy.claim(request.headers(), source_ip.as_deref()));
    async move {
        if let (Some(proxy), Some(claim)) = (proxy, claim)
            && proxy.accepts(&claim.secret).await
        {
            return Some(claim.ip.to_string());
        }
        source_ip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str) -> Result<Option<ClientIpHeader>, ConfigError> {
        let env = Env::from_pairs([("CLIENT_IP_HEADER", name), ("EDGE_SECRET_ID", "edge")]);
        ClientIpHeader::from_env(&env, &mut SecretIds::default())
    }

    fn read(name: &str, lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        let name: HeaderName = name.parse().unwrap();
        for line in lines {
            headers.append(&name, line.parse().unwrap());
        }
        let source_ip = Some("198.51.100.1".parse().unwrap());
        header(name.as_str()).unwrap().unwrap().read(&headers, source_ip).map(|ip| ip.to_string())
    }

    // D6
    #[test]
    fn an_address_is_read_in_each_form_that_proxies_write_and_in_no_other() {
        for (name, value, ip) in [
            ("x-client-ip", "203.0.113.7", Some("203.0.113.7")),
            ("x-client-ip", " 203.0.113.7\t", Some("203.0.113.7")),
            ("x-client-ip", "203.0.113.7:4711", Some("203.0.113.7")),
            ("x-client-ip", "2001:db8::7", Some("2001:db8::7")),
            ("x-client-ip", "2001:DB8:0:0::7", Some("2001:db8::7")),
            ("x-client-ip", "[2001:db8::7]", Some("2001:db8::7")),
            ("x-client-ip", "[2001:db8::7]:4711", Some("2001:db8::7")),
            ("x-client-ip", "::ffff:203.0.113.7", Some("203.0.113.7")),
            ("cloudfront-viewer-address", "203.0.113.7:46532", Some("203.0.113.7")),
            ("cloudfront-viewer-address", "2001:db8:0:0:0:0:0:7:46532", Some("2001:db8::7")),
            ("cloudfront-viewer-address", "2001:db8::7:443", Some("2001:db8::7")),
            ("cloudfront-viewer-address", "[2001:db8::7]:443", Some("2001:db8::7")),
            ("cloudfront-viewer-address", "203.0.113.7", None),
            ("cloudfront-viewer-address", "203.0.113.7:port", None),
            ("x-client-ip", "", None),
            ("x-client-ip", "unknown", None),
            ("x-client-ip", "203.0.113", None),
            ("x-client-ip", "203.0.113.07", None),
            ("x-client-ip", "203.0.113.7 x", None),
            ("x-client-ip", "203.0.113.7:", None),
            ("x-client-ip", "[203.0.113.7", None),
            ("x-client-ip", "[203.0.113.7]", None),
            ("x-client-ip", "fe80::1%eth0", None),
            ("x-client-ip", "for=203.0.113.7", None),
            ("x-client-ip", "\"203.0.113.7\"", None),
        ] {
            assert_eq!(read(name, &[value]).as_deref(), ip, "{name}: {value}");
        }
        assert_eq!(read("x-client-ip", &[]), None);
    }

    // D6, S8
    #[test]
    fn the_last_entry_of_the_header_counts_else_the_gateway_address() {
        for (lines, ip) in [
            (&["6.6.6.6, 203.0.113.7"][..], Some("203.0.113.7")),
            (&["6.6.6.6,203.0.113.7"], Some("203.0.113.7")),
            (&["6.6.6.6", "203.0.113.7"], Some("203.0.113.7")),
            (&["6.6.6.6, 203.0.113.7,198.51.100.1"], Some("203.0.113.7")),
            (&["6.6.6.6, 198.51.100.1, 198.51.100.1"], Some("198.51.100.1")),
            (&["198.51.100.1"], Some("198.51.100.1")),
            (&["203.0.113.7, "], None),
            (&["203.0.113.7, unknown"], None),
            (&["203.0.113.7, unknown, 198.51.100.1"], None),
        ] {
            assert_eq!(read("x-forwarded-for", lines).as_deref(), ip, "{lines:?}");
        }
    }

    // D6, S16
    #[test]
    fn a_header_that_will_not_do_or_has_no_secret_is_refused_by_its_name() {
        for bad in ["a header", "x-forwarded-for, x-real-ip", "x-edge-secret", "Forwarded", "é"] {
            assert_eq!(header(bad).unwrap_err().variable, "CLIENT_IP_HEADER", "{bad}");
        }
        let env = Env::from_pairs([("CLIENT_IP_HEADER", "x-client-ip")]);
        let error = ClientIpHeader::from_env(&env, &mut SecretIds::default()).unwrap_err();
        assert_eq!(error.variable, "EDGE_SECRET_ID");
        let mut secrets = SecretIds::default();
        assert_eq!(ClientIpHeader::from_env(&Env::default(), &mut secrets).unwrap(), None);
        assert_eq!(secrets.edge, None);
    }
}
