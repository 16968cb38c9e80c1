//! How each service denies a call that the role of a function does not allow: status, code and text as AWS has them. The
//! text names the role, the action and the resource.

use crate::documents::TABLE_PREFIX;
use crate::failures::answered;
use crate::permissions::Permission;
use crate::service::Service;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::json;
use std::collections::HashMap;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";

/// The answer of `service` to a call of `function` whose role lacks `permission`.
pub(crate) fn access_denied(
    service: Service,
    function: &str,
    permission: &Permission,
    request: &HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let user = format!("arn:aws:sts::{ACCOUNT}:assumed-role/tollgate-{function}/tollgate-{function}");
    let resource = arn(permission, request);
    let denied = |action: &str, resource: &str| {
        format!(
            "User: {user} is not authorized to perform: {action} on resource: {resource} because no identity-based \
             policy allows the {action} action"
        )
    };
    let action = permission.action.as_str();
    let as_json = |text: String| json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": text});
    match service {
        Service::Ses => {
            let text = format!("User `{user}' is not authorized to perform `{action}' on resource `{resource}'");
            let error = format!("<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{text}</Message></Error>");
            answered(403, format!("<ErrorResponse>{error}<RequestId>{ACCOUNT}</RequestId></ErrorResponse>"))
        }
        Service::S3 => {
            let text = denied(action, &format!("\"{resource}\""));
            let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
            answered(403, format!("{start}\n<Error><Code>AccessDenied</Code><Message>{text}</Message></Error>"))
        }
        // SQS writes its actions in lower case, and has a code of its former protocol in a header.
        Service::Sqs => {
            let mut answer = answered(403, as_json(denied(&action.to_lowercase(), &resource)).to_string())?;
            answer.headers_mut().insert("x-amzn-query-error", "AccessDenied;Sender");
            Ok(answer)
        }
        _ => answered(400, as_json(denied(action, &resource)).to_string()),
    }
}

/// The name of the resource in the text. Secrets Manager repeats the one of the request; SES names the recipient, in the
/// sandbox also where the sender's identity is allowed.
fn arn(Permission { resource, .. }: &Permission, request: &HttpRequest) -> String {
    let in_form = |name: &str| {
        let form = request.body().bytes().and_then(|body| serde_urlencoded::from_bytes(body).ok());
        form.and_then(|mut form: HashMap<String, String>| form.remove(name)).unwrap_or_default()
    };
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    match kind {
        "table" => format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE_PREFIX}{name}"),
        "queue" => format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
        "identity" => format!("arn:aws:ses:{REGION}:{ACCOUNT}:identity/{}", in_form("Destinations.member.1")),
        "configuration-set" => {
            format!("arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/{}", in_form("ConfigurationSetName"))
        }
        "bucket" => {
            let path = request.uri().parse::<http::Uri>().map(|uri| uri.path().to_owned()).unwrap_or_default();
            format!("arn:aws:s3:::{}", path.trim_start_matches("/_s3/"))
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::body::SdkBody;

    fn denied(service: Service, action: &str, resource: &str, body: &str) -> (u16, String) {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_uri("http://127.0.0.1:1/_s3/reports/rep_1/1.csv").unwrap();
        let permission = Permission { action: action.to_owned(), resource: resource.to_owned() };
        let answer = access_denied(service, "auth", &permission, &request).unwrap();
        (answer.status().as_u16(), String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap())
    }

    // The texts are those of AWS, as its users report them.
    #[test]
    fn each_service_denies_a_call_in_its_own_words() {
        let user = "arn:aws:sts::000000000000:assumed-role/tollgate-auth/tollgate-auth";
        let index = "table/audit/index/listed";
        let text = |action: &str, resource: &str| {
            format!(
                "User: {user} is not authorized to perform: {action} on resource: {resource} because no identity-based \
                 policy allows the {action} action"
            )
        };
        let coral = |action: &str, resource: &str| {
            json!({"__type": "com.amazon.coral.service#AccessDeniedException", "Message": text(action, resource)})
                .to_string()
        };
        let table =
            coral("dynamodb:Query", "arn:aws:dynamodb:us-east-1:000000000000:table/tollgate-audit/index/listed");
        assert_eq!(denied(Service::Dynamodb, "dynamodb:Query", index, ""), (400, table));
        let queue = coral("sqs:sendmessage", "arn:aws:sqs:us-east-1:000000000000:mail");
        assert_eq!(denied(Service::Sqs, "sqs:SendMessage", "queue/mail", ""), (403, queue));
        let secret = coral("secretsmanager:GetSecretValue", "auth");
        assert_eq!(denied(Service::Secrets, "secretsmanager:GetSecretValue", "secret/auth", ""), (400, secret));
        let (status, mail) =
            denied(Service::Ses, "ses:SendRawEmail", "identity", "Destinations.member.1=ann%40example.com");
        let identity = "arn:aws:ses:us-east-1:000000000000:identity/ann@example.com";
        let wanted =
            format!("<Message>User `{user}' is not authorized to perform `ses:SendRawEmail' on resource `{identity}'<");
        assert!(status == 403 && mail.contains("<Code>AccessDenied</Code>") && mail.contains(&wanted), "{mail}");
        let (status, file) = denied(Service::S3, "s3:PutObject", "bucket/reports", "");
        let wanted = text("s3:PutObject", "\"arn:aws:s3:::reports/rep_1/1.csv\"");
        assert!(status == 403 && file.contains(&format!("<Code>AccessDenied</Code><Message>{wanted}<")), "{file}");
    }
}
