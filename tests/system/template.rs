//! `template.yaml` agrees with the code: the same paths, tables, queues and settings, and roles with exactly the
//! permissions of their functions (S31–S33, R7).

mod operation;
mod powers;

use crate::documents::settings::{READ, given};
use crate::openapi::document;
use serde_yaml_ng::Value;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_local::{DeployedFunction, FILE_PATHS, QUEUES, STREAM_RETRIES, Source};
use tollgate_store::schema::{Projection, TABLES};
use tollgate_tests::guards::assert_same_names;
use tollgate_tests::template::{FUNCTIONS, function_id, template, template_of, written};

/// The properties of every resource of `kind`, by its name in the template.
fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template = template();
    let all = template["Resources"].as_mapping().unwrap();
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"].as_str() == Some(kind));
    of_kind.map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource.clone())).collect()
}

fn strings(value: &Value, key: &str) -> Vec<String> {
    value.as_sequence().unwrap().iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_gateway_routes_each_documented_path_to_its_function() {
    let mut found = BTreeMap::new();
    for route in resources("AWS::ApiGatewayV2::Route").values() {
        let key = route["Properties"]["RouteKey"].as_str().unwrap().to_owned();
        found.insert(key, written(&route["Properties"]["Target"]));
    }
    let mut wanted = BTreeMap::from([("$default".to_owned(), "Pages".to_owned())]);
    for function in tollgate_local::FUNCTIONS {
        for path in function.openapi().into_iter().flat_map(|part| part.paths.paths.into_keys()) {
            wanted.insert(format!("ANY {path}"), function_id(function.name));
        }
    }
    let document_and_default = wanted.len();
    wanted.extend(FILE_PATHS.iter().map(|path| (format!("ANY {path}"), "Pages".to_owned())));
    let edit = "template.yaml: each path is in the mapping Routes, and its name in the loop of its function";
    assert_same_names("the routes of the gateway and the paths of the functions", found.keys(), wanted.keys(), edit);
    for (key, function) in wanted {
        assert!(found[&key].contains(&format!("${{{function}Integration}}")), "{key}: {}", found[&key]);
    }
    assert_eq!(document_and_default, document()["paths"].as_object().unwrap().len() + 1);
}

// D4
#[test]
fn paths_that_pages_load_have_their_own_throttle() {
    let template = template();
    let stages = resources("AWS::ApiGatewayV2::Stage");
    let stage = &stages["ApiStage"];
    let routes = stage["Properties"]["RouteSettings"].as_mapping().unwrap();
    let rate = |settings: &Value| {
        let parameter = written(&settings["ThrottlingRateLimit"]).strip_prefix("!Ref ").unwrap().to_owned();
        template["Parameters"][parameter.as_str()]["Default"].as_u64().unwrap()
    };
    let default = rate(&stage["Properties"]["RouteSettings"]["$default"]);
    for path in FILE_PATHS.iter().filter(|path| path.ends_with("{proxy+}")) {
        // A visit loads five files at most: as many visits as calls of any other path.
        let own = rate(&routes[&format!("ANY {path}")]);
        assert!(own >= 5 * rate(&stage["Properties"]["DefaultRouteSettings"]) && own > default, "{path}: {own}");
    }
    // The gateway refuses settings of a route that does not exist yet.
    let depends_on = written(&stage["DependsOn"]);
    for (name, route) in resources("AWS::ApiGatewayV2::Route") {
        let key = &route["Properties"]["RouteKey"];
        assert_eq!(routes.contains_key(key), depends_on.contains(&format!("- {name}")), "{name}");
    }
}

// S32
#[test]
fn the_tables_match_the_store_and_are_encrypted_and_recoverable() {
    let tables = resources("AWS::DynamoDB::Table");
    assert_eq!(tables.len(), TABLES.len());
    for spec in TABLES {
        let name = format!("tollgate-${{Stage}}-{}", spec.name);
        let found = tables.values().find(|table| {
            written(&table["Properties"]["TableName"]).contains(&format!("{name}'"))
                || written(&table["Properties"]["TableName"]).ends_with(&name)
        });
        let table = found.unwrap_or_else(|| panic!("{name}"));
        let properties = &table["Properties"];
        let keys: Vec<_> = std::iter::once(spec.partition_key).chain(spec.sort_key).collect();
        assert_eq!(strings(&properties["KeySchema"], "AttributeName"), keys, "{name}");
        let none = Value::Sequence(Vec::new());
        let indexes = properties.get("GlobalSecondaryIndexes").unwrap_or(&none);
        let wanted: Vec<_> = spec.indexes.iter().map(|index| index.name).collect();
        assert_eq!(strings(indexes, "IndexName"), wanted, "{name}");
        for (index, spec) in indexes.as_sequence().unwrap().iter().zip(spec.indexes) {
            assert_eq!(strings(&index["KeySchema"], "AttributeName"), [spec.partition_key, spec.sort_key]);
            let projection = written(&index["Projection"]);
            match spec.projection {
                Projection::All => assert_eq!(projection, "ProjectionType: ALL"),
                Projection::Some(attributes) => {
                    let others = attributes.iter().filter(|name| ![spec.partition_key, spec.sort_key].contains(name));
                    let others: String = others.map(|name| format!("\n- {name}")).collect();
                    assert_eq!(projection, format!("ProjectionType: INCLUDE\nNonKeyAttributes:{others}"));
                }
            }
        }
        let mut attributes: BTreeSet<&str> = keys.into_iter().collect();
        attributes.extend(spec.indexes.iter().flat_map(|index| [index.partition_key, index.sort_key]));
        let defined: BTreeSet<_> = strings(&properties["AttributeDefinitions"], "AttributeName").into_iter().collect();
        assert_eq!(defined, attributes.into_iter().map(str::to_owned).collect(), "{name}");
        assert_eq!(properties["TimeToLiveSpecification"]["AttributeName"].as_str(), spec.ttl, "{name}");
        assert_eq!(properties.get("StreamSpecification").is_some(), spec.stream, "{name}");
        assert_eq!(properties["SSESpecification"]["SSEEnabled"].as_bool(), Some(true), "{name}");
        for kept in [
            written(&table["DeletionPolicy"]),
            written(&properties["DeletionProtectionEnabled"]),
            written(&properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]),
        ] {
            assert!(kept.starts_with("!If") && kept.contains("IsKept"), "{name}: {kept}");
        }
    }
}

#[test]
fn each_function_is_given_exactly_the_settings_that_it_reads() {
    let functions = resources("AWS::Serverless::Function");
    let edit = "FUNCTIONS in infra/local/src/stack/functions.rs, or template.yaml";
    assert_same_names("the functions", functions.keys(), FUNCTIONS.iter().map(|(id, _)| id), edit);
    let given = given();
    for (id, function) in &*FUNCTIONS {
        let (found, wanted) = (given[function].keys(), READ[function].iter());
        let edit = format!("the Variables of {id} in template.yaml, or what the function's Config::from_env reads");
        assert_same_names(&format!("the variables of {function}"), found, wanted, &edit);
        assert_eq!(functions[id]["Metadata"]["BuildProperties"]["Binary"].as_str(), Some(*function));
    }
}

#[test]
fn each_parameter_says_which_values_it_takes_and_each_rule_why() {
    let template = template();
    for (name, parameter) in template["Parameters"].as_mapping().unwrap() {
        let is_bound = ["AllowedPattern", "AllowedValues", "MinValue", "MaxLength"];
        assert!(is_bound.iter().any(|bound| parameter.get(*bound).is_some()), "{name:?}");
    }
    for (name, rule) in template["Rules"].as_mapping().unwrap() {
        for assertion in rule["Assertions"].as_sequence().unwrap() {
            assert!(assertion["AssertDescription"].as_str().is_some(), "{name:?}");
        }
    }
}

// S32
#[test]
fn no_secret_is_in_a_variable_or_in_the_template() {
    for (name, function) in resources("AWS::Serverless::Function") {
        for (variable, value) in function["Properties"]["Environment"]["Variables"].as_mapping().unwrap() {
            let variable = variable.as_str().unwrap();
            assert!(!variable.ends_with("SECRET") && !written(value).contains("resolve:"), "{name} {variable}");
        }
    }
    for (name, secret) in resources("AWS::SecretsManager::Secret") {
        let properties = &secret["Properties"];
        let is_unset = properties["SecretString"].as_str() == Some("unset");
        let is_made = properties["GenerateSecretString"]["PasswordLength"].as_u64() >= Some(32);
        assert!(is_unset != is_made, "{name}");
    }
}

/// The actions of `role` on `resource` itself.
fn actions_on(resource: &str, role: &str) -> Vec<String> {
    let policies = &resources("AWS::IAM::Role")[role]["Properties"]["Policies"];
    let statements = policies[0]["PolicyDocument"]["Statement"].as_sequence().unwrap();
    let is_about = |statement: &&Value| written(&statement["Resource"]).contains(&format!("{resource}.Arn"));
    let actions = statements.iter().filter(is_about).flat_map(|statement| statement["Action"].as_sequence().unwrap());
    actions.map(|action| action.as_str().unwrap().to_owned()).collect()
}

// S31
#[test]
fn the_example_is_deployed_only_on_request() {
    let template = template();
    assert_eq!(template["Parameters"]["ExampleProduct"]["Default"].as_str(), Some("false"));
    let is_of_example = |name: &str| name.starts_with("Example");
    let mut count = 0;
    for (name, resource) in template["Resources"].as_mapping().unwrap() {
        let condition = resource["Condition"].as_str();
        if is_of_example(name.as_str().unwrap()) {
            count += 1;
            assert_eq!(condition, Some("HasExample"), "{name:?}");
        } else {
            assert_ne!(condition, Some("HasExample"), "{name:?}");
            let text = written(resource);
            let refers = ["!Ref Example", "!GetAtt Example", "${Example"].iter().any(|text_of| text.contains(text_of));
            assert!(!refers, "{name:?} needs the example");
        }
    }
    assert_eq!(count, 11, "function, role, log, integration, permission, four routes, two alarms");
    assert_eq!(actions_on("GateTable", "ExampleRole"), ["dynamodb:GetItem"]);
    assert_eq!(actions_on("LimitsTable", "ExampleRole"), ["dynamodb:UpdateItem"]);
}

/// The names that the values of a template refer to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    let name = |text: &str| text.split('.').next().unwrap().to_owned();
    match value {
        Value::Tagged(tagged) if tagged.tag == "Ref" || tagged.tag == "GetAtt" => {
            found.insert(name(tagged.value.as_str().unwrap()));
        }
        Value::Tagged(tagged) if tagged.tag == "Sub" => {
            let text = tagged.value.as_str().unwrap();
            found.extend(text.split("${").skip(1).map(|rest| name(rest.split('}').next().unwrap())));
        }
        Value::Tagged(tagged) => references(&tagged.value, found),
        Value::Sequence(items) => items.iter().for_each(|item| references(item, found)),
        Value::Mapping(fields) => fields.iter().for_each(|(field, value)| match (field.as_str(), value) {
            (Some("DependsOn"), Value::Sequence(names)) => {
                found.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
            }
            _ => references(value, found),
        }),
        _ => {}
    }
}

#[test]
fn a_deployment_without_billing_has_nothing_of_stripe() {
    for has_billing in [true, false] {
        let template = template_of(has_billing);
        let [parameters, resources] = ["Parameters", "Resources"].map(|part| template[part].as_mapping().unwrap());
        let mut found = BTreeSet::new();
        references(&template, &mut found);
        assert!(found.len() > 100);
        // SAM makes the resource of a function's own address.
        let has_address = |name: &str| {
            let function = name.strip_suffix("Url").and_then(|function| resources.get(function));
            function.is_some_and(|function| function["Properties"].get("FunctionUrlConfig").is_some())
        };
        for name in found.iter().filter(|name| !name.starts_with("AWS::")) {
            let is_known = parameters.contains_key(name.as_str()) || resources.contains_key(name.as_str());
            assert!(is_known || has_address(name), "billing {has_billing}: {name} is not there");
        }
        let of_billing = resources.iter().filter(|(name, resource)| {
            let name = name.as_str().unwrap();
            let text = written(resource).replace("BILLING: ", "").replace("BILLING_GRACE_DAYS", "");
            let is_part = name.starts_with("Stripe") || name.starts_with("Billing") || name.starts_with("Trials");
            // Accounts that had a subscription are still exported and erased: the table stays.
            is_part && name != "BillingTable"
                || ["ANY /billing/", "-stripe", "-trials"].iter().any(|word| text.contains(word))
        });
        let of_billing: Vec<_> = of_billing.map(|(name, _)| name.as_str().unwrap()).collect();
        match has_billing {
            true => assert!(of_billing.len() > 45, "{of_billing:?}"),
            false => {
                let shown: Vec<_> = of_billing.iter().take(20).collect();
                assert!(
                    of_billing.is_empty(),
                    "without billing template.yaml has {shown:?}: give them the condition WithBilling"
                );
            }
        }
        for (name, output) in template["Outputs"].as_mapping().unwrap() {
            assert!(has_billing || !written(output).contains("Stripe"), "{name:?}");
        }
        let schedules =
            resources.values().filter(|resource| resource["Type"].as_str() == Some("AWS::Scheduler::Schedule"));
        assert_eq!(schedules.count(), if has_billing { 3 } else { 0 });
        let body = written(&resources["OperationsDashboard"]["Properties"]["DashboardBody"]);
        assert_eq!(body.contains("tripe"), has_billing);
        let (_, json) = body.split_once('{').unwrap();
        let json = format!("{{{}", json.replace("${", "").replace("\n  ", "\n"));
        let parsed: serde_json::Value = serde_json::from_str(json.trim()).unwrap();
        assert_eq!(parsed["widgets"].as_array().unwrap().len(), if has_billing { 14 } else { 11 });
    }
}

// S31
#[test]
fn each_function_has_its_own_role_with_single_actions_and_resources() {
    let functions = resources("AWS::Serverless::Function");
    let roles: BTreeSet<_> = functions.values().map(|function| written(&function["Properties"]["Role"])).collect();
    assert_eq!(roles.len(), functions.len());
    for (name, role) in resources("AWS::IAM::Role") {
        assert!(role["Properties"].get("ManagedPolicyArns").is_none(), "{name}");
        for policy in role["Properties"]["Policies"].as_sequence().unwrap() {
            for statement in policy["PolicyDocument"]["Statement"].as_sequence().unwrap() {
                let actions: Vec<_> =
                    statement["Action"].as_sequence().unwrap().iter().map(|action| action.as_str().unwrap()).collect();
                let resource = written(&statement["Resource"]);
                assert!(actions.iter().all(|action| !action.contains('*')), "{name}: {actions:?}");
                // A stream's name is the time of its creation: only listing needs a pattern.
                let is_listing = actions == ["dynamodb:ListStreams"];
                // The names of files in a bucket are not known before.
                let are_files =
                    actions.iter().all(|action| action.ends_with("Object")) && resource.matches('*').count() == 1;
                assert!(is_listing || are_files || !resource.contains('*'), "{name}: {resource}");
            }
        }
    }
    // A verification by an admin removes a password; no hash is read.
    assert_eq!(actions_on("CredentialsTable", "AdminRole"), ["dynamodb:DeleteItem"]);
    assert_eq!(actions_on("IdentityTable", "StripeEventsRole"), ["dynamodb:GetItem"], "whose address it is");
    // The permissions that a role needs are recorded from the calls (roles.rs); powers.rs compares them with what is declared for
    // each. A role that may delete accounts cannot read their credentials.
    for (table, actions) in [("Credentials", "dynamodb:DeleteItem"), ("Sessions", "dynamodb:DeleteItem dynamodb:Query")]
    {
        assert_eq!(actions_on(&format!("{table}Table"), "SweeperRole"), actions.split(' ').collect::<Vec<_>>());
    }
    let policies = &resources("AWS::IAM::Role")["SweeperRole"]["Properties"]["Policies"];
    let statements = policies[0]["PolicyDocument"]["Statement"].as_sequence().unwrap();
    let is_look = |statement: &&Value| {
        written(&statement["Resource"]).contains("SessionsTable") && written(&statement["Action"]).contains("Query")
    };
    let look = statements.iter().find(is_look).unwrap();
    assert_eq!(written(&look["Condition"]["StringEquals"]["dynamodb:Select"]), "SPECIFIC_ATTRIBUTES");
    let seen = written(&look["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]);
    assert_eq!(seen, "- pk\n- sk\n- new_email\n- id");
    // Only new entries; the erasure of a user replaces the rest of an entry.
    for role in ["BillingRole", "StripeEventsRole"] {
        assert_eq!(actions_on("AuditTable", role), ["dynamodb:PutItem"]);
    }
    // The export of one's own data reads the billing data, and changes nothing there.
    assert_eq!(actions_on("BillingTable", "AuthRole"), ["dynamodb:GetItem", "dynamodb:Query"]);
    for role in ["AdminRole", "AuthRole", "SweeperRole"] {
        let is_other = |action: &String| !["dynamodb:Query", "dynamodb:PartiQLInsert"].contains(&action.as_str());
        let own = actions_on("AuditTable", role).into_iter().filter(is_other);
        assert_eq!(own.collect::<Vec<_>>(), ["dynamodb:PutItem"], "{role}");
    }
    assert!(functions.values().all(|function| function["Properties"].get("FunctionUrlConfig").is_none()));
    assert_eq!(resources("AWS::Lambda::Url").keys().collect::<Vec<_>>(), ["StripeWebhookUrl"]);
    let reserved = written(&functions["StripeWebhook"]["Properties"]["ReservedConcurrentExecutions"]);
    assert!(reserved.contains("WebhookReservedConcurrency"));
}
