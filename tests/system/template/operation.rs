//! Canaries, queues, logs, alarms and schedules.

use super::*;

/// The functions that answer requests of users, admins and Stripe.
const CANARIES: [&str; 4] = ["Admin", "Auth", "Billing", "StripeWebhook"];

#[test]
fn requests_take_the_alias_where_canary_is_asked_for() {
    assert_eq!(template()["Parameters"]["Canary"]["Default"].as_str(), Some("false"));
    let mut wanted = BTreeMap::new();
    for name in CANARIES {
        let leads = |without: &str| format!("!If\n- HasCanary\n- !Ref {name}.Alias\n- {without}");
        wanted.insert(format!("{name}Integration"), leads(&format!("!GetAtt {name}.Arn")));
        wanted.insert(format!("{name}Permission"), leads(&format!("!Ref {name}")));
    }
    for name in ["StripeWebhookUrl", "StripeWebhookUrlPermission", "StripeWebhookUrlInvokePermission"] {
        let leads = "!If\n- HasCanary\n- !Ref StripeWebhook.Alias\n- !Ref StripeWebhook";
        wanted.insert(name.to_owned(), leads.to_owned());
    }
    let leads_to = [
        ("AWS::ApiGatewayV2::Integration", "IntegrationUri"),
        ("AWS::Lambda::Permission", "FunctionName"),
        ("AWS::Lambda::Url", "TargetFunctionArn"),
    ];
    let mut found = BTreeMap::new();
    for (kind, property) in leads_to {
        let all = resources(kind).into_iter().map(|(name, it)| (name, written(&it["Properties"][property])));
        found.extend(all.filter(|(_, leads)| leads.contains("Canary")));
    }
    assert_eq!(found, wanted);
}

#[test]
fn a_canary_ends_with_the_errors_of_its_own_version() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    let mut watched = BTreeSet::new();
    for (name, function) in resources("AWS::Serverless::Function") {
        let properties = &function["Properties"];
        let Some(preference) = properties.get("DeploymentPreference") else { continue };
        assert!(CANARIES.contains(&name.as_str()), "{name}");
        assert_eq!(properties["AutoPublishAlias"].as_str(), Some("live"), "{name}");
        assert_eq!(properties["AutoPublishAliasAllProperties"].as_bool(), Some(true), "{name}");
        // With an intrinsic function in the place of the parameter, SAM would take it for enabled.
        assert_eq!(written(&preference["Enabled"]), "!Ref Canary", "{name}");
        let refs = written(&preference["Alarms"]);
        let names: Vec<_> = refs.split("!Ref ").skip(1).map(|name| name.lines().next().unwrap().to_owned()).collect();
        assert!(names.contains(&format!("{name}CanaryErrorsAlarm")), "{name}: {names:?}");
        let dimensions = written(&alarms[&format!("{name}CanaryErrorsAlarm")]["Properties"]["Dimensions"]);
        for part in [format!("!Sub ${{{name}}}:live"), format!("!GetAtt {name}.Version.Version")] {
            assert!(dimensions.contains(&part), "{name}: {dimensions}");
        }
        watched.extend(names.into_iter().filter(|name| name != "AWS::NoValue"));
    }
    let conditional = alarms
        .iter()
        .filter(|(_, alarm)| ["HasCanary", "HasBillingCanary"].map(Some).contains(&alarm["Condition"].as_str()));
    assert_eq!(conditional.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>(), watched);
    assert_eq!(watched.len(), CANARIES.len() + 2);
}

// R7
#[test]
fn queues_have_sufficient_delays_attempts_and_dead_letter_retention() {
    let queues = resources("AWS::SQS::Queue");
    let named = |name: &str| {
        let mut all = queues.values().map(|queue| &queue["Properties"]);
        all.find(|queue| written(&queue["QueueName"]).trim_end_matches('\'').ends_with(&format!("${{Stage}}-{name}")))
            .unwrap()
    };
    let served = tollgate_local::FUNCTIONS.iter().filter_map(|function| match function.source {
        Source::Queue(name) => Some((name, function_id(function.name))),
        _ => None,
    });
    let served: BTreeMap<_, _> = served.collect();
    let edit = "QUEUES in infra/local/src/queues.rs, or FUNCTIONS in infra/local/src/stack/functions.rs";
    assert_same_names(
        "the queues and those that functions consume",
        QUEUES.iter().map(|queue| queue.name),
        served.keys().copied(),
        edit,
    );
    for (name, function) in served {
        let queue = named(name);
        let timeout = resources("AWS::Serverless::Function")[&function]["Properties"]["Timeout"].as_i64().unwrap();
        let spec = QUEUES.iter().find(|queue| queue.name == name).unwrap();
        assert_eq!(queue["FifoQueue"].as_bool().unwrap_or_default(), name.ends_with(".fifo"));
        assert_eq!(queue["VisibilityTimeout"].as_i64(), Some(spec.visibility_seconds));
        assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64(), Some(u64::from(spec.max_receives)));
        assert!(spec.visibility_seconds >= 6 * timeout && spec.max_receives >= 5);
        // D7: a batch starts within 30 seconds, and a hanging message takes less than the same time again.
        assert!(timeout >= 60, "{function}");
        for (dead, letters) in queues.iter().filter(|(_, queue)| is_of_dead_letters(queue)) {
            let kept = letters["Properties"]["MessageRetentionPeriod"].as_i64();
            assert!(kept > queue["MessageRetentionPeriod"].as_i64(), "{dead}");
        }
    }
    for (name, queue) in &queues {
        assert_eq!(queue["Properties"]["SqsManagedSseEnabled"].as_bool(), Some(true), "{name}");
    }
    let relay = &resources("AWS::Serverless::Function")["Relay"]["Properties"]["Events"]["Outbox"]["Properties"];
    assert_eq!(relay["MaximumRetryAttempts"].as_u64(), Some(u64::from(STREAM_RETRIES)));
    assert!(relay["BisectBatchOnFunctionError"].as_bool().unwrap() && relay.get("DestinationConfig").is_some());
    assert!(written(&relay["FilterCriteria"]).contains("INSERT"));
}

fn is_of_dead_letters(queue: &Value) -> bool {
    queue["Properties"].get("RedrivePolicy").is_none()
}

// S33
#[test]
fn each_queue_raises_an_alarm_for_its_age_or_its_dead_letters() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    for (name, queue) in resources("AWS::SQS::Queue") {
        let metric = match is_of_dead_letters(&queue) {
            true => "ApproximateNumberOfMessagesVisible",
            false => "ApproximateAgeOfOldestMessage",
        };
        let is_it = |alarm: &&Value| {
            let properties = &alarm["Properties"];
            properties["MetricName"].as_str() == Some(metric)
                && written(&properties["Dimensions"]).contains(&format!("!GetAtt {name}.QueueName"))
        };
        assert_eq!(alarms.values().filter(is_it).count(), 1, "{name}: an alarm for {metric} in template.yaml");
    }
}

// S32, S33
#[test]
fn logs_expire_and_lost_or_refused_work_raises_an_alarm() {
    for (name, log) in resources("AWS::Logs::LogGroup") {
        assert!(log["Properties"].get("RetentionInDays").is_some(), "{name}");
    }
    let alarms = resources("AWS::CloudWatch::Alarm");
    for (name, alarm) in &alarms {
        assert_eq!(alarm["Properties"]["AlarmActions"].as_sequence().map(Vec::len), Some(1), "{name}");
    }
    let mut wanted: Vec<String> = [
        "ServerErrors",
        "Bounces",
        "DuplicateSubscription",
        "StripeRefused",
        "ReconcileFailed",
        "CatalogueDrift",
        "StripeWebhookUrl4xx",
        "StripeWebhookUrl5xx",
        "AuthFailures",
        "Complaints",
        "ExpiryNotRun",
        "ReconcileNotRun",
        "RelayAge",
        "Repaired",
    ]
    .map(str::to_owned)
    .into();
    for (function, _) in &*FUNCTIONS {
        wanted.extend([format!("{function}Errors"), format!("{function}Throttles")]);
    }
    for name in wanted {
        assert!(alarms.contains_key(&format!("{name}Alarm")), "{name}");
    }
}

// D1
#[test]
fn cloudwatch_may_publish_to_the_topic_of_the_alarms() {
    // AWS's own key for SNS (alias/aws/sns) does not allow CloudWatch, and its policy cannot be changed.
    for (name, topic) in resources("AWS::SNS::Topic") {
        assert!(topic["Properties"].get("KmsMasterKeyId").is_none(), "{name}");
    }
    let topics: BTreeSet<_> = resources("AWS::CloudWatch::Alarm").values().map(alarm_action).collect();
    assert_eq!(topics, BTreeSet::from(["!Ref Alarms".to_owned(), "!Ref Notices".to_owned()]));
    for topic in ["Alarms", "Notices"] {
        assert!(resources("AWS::SNS::Topic").contains_key(topic));
    }
}

fn alarm_action(alarm: &Value) -> String {
    written(&alarm["Properties"]["AlarmActions"][0])
}

// D5
#[test]
fn a_webhook_that_refuses_or_fails_raises_an_alarm() {
    let alarms = resources("AWS::CloudWatch::Alarm");
    for metric in ["Url4xxCount", "Url5xxCount"] {
        let is_it = |alarm: &&Value| {
            let properties = &alarm["Properties"];
            alarm["Condition"].as_str() == Some("WithBilling")
                && properties["MetricName"].as_str() == Some(metric)
                && properties["Namespace"].as_str() == Some("AWS/Lambda")
                && written(&properties["Dimensions"]).contains("StripeWebhook")
        };
        assert_eq!(alarms.values().filter(is_it).count(), 1, "{metric}");
    }
}

// D5
#[test]
fn production_names_the_reserved_concurrency_of_the_webhook() {
    let template = template();
    let parameter = &template["Parameters"]["WebhookReservedConcurrency"];
    assert_eq!(parameter["Default"].as_str(), Some(""), "the operator has not decided");
    let rules = template["Rules"].as_mapping().unwrap().values();
    let is_it = |rule: &&Value| {
        written(&rule["RuleCondition"]).contains("prod")
            && written(&rule["Assertions"]).contains("WebhookReservedConcurrency")
    };
    assert_eq!(rules.filter(is_it).count(), 1);
}

#[test]
fn the_schedules_are_those_of_one_machine() {
    let functions = resources("AWS::Serverless::Function");
    let mut found = BTreeMap::new();
    let of_stripe = resources("AWS::Scheduler::Schedule");
    let events = functions.iter().flat_map(|(id, function)| {
        let events = function["Properties"]["Events"].as_mapping().into_iter().flat_map(|events| events.values());
        let schedules = events.filter(|event| event["Type"].as_str() == Some("ScheduleV2"));
        schedules.map(move |event| (id.clone(), &event["Properties"], &event["Properties"]))
    });
    let events = events.chain(of_stripe.values().map(|schedule| {
        assert_eq!(schedule["Condition"].as_str(), Some("WithBilling"));
        let target = &schedule["Properties"]["Target"];
        let function = written(&target["Arn"]);
        (function.trim_start_matches("!GetAtt ").trim_end_matches(".Arn").to_owned(), &schedule["Properties"], target)
    }));
    for (function, properties, target) in events {
        assert_eq!(target["RetryPolicy"]["MaximumRetryAttempts"].as_u64(), Some(2));
        let input: serde_json::Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
        let minutes = match properties["ScheduleExpression"].as_str().unwrap() {
            "rate(30 minutes)" => 30,
            "rate(1 hour)" => 60,
            "rate(6 hours)" => 6 * 60,
            "rate(1 day)" => 24 * 60,
            other => panic!("{other}"),
        };
        let name = input["schedule"].as_str().unwrap().to_owned();
        assert!(found.insert(name, (function, minutes)).is_none(), "{input} is there twice");
    }
    let of_function = |function: &'static DeployedFunction| {
        function.schedules().iter().map(move |(name, minutes)| (*name, function.name, *minutes))
    };
    let wanted: Vec<_> = tollgate_local::FUNCTIONS.iter().flat_map(of_function).collect();
    let lines =
        |(name, (function, minutes)): (&String, &(String, i64))| format!("{name} of {function}, {minutes} minutes");
    assert_same_names(
        "the schedules",
        found.iter().map(lines),
        wanted
            .iter()
            .map(|(name, function, minutes)| format!("{name} of {}, {minutes} minutes", function_id(function))),
        "template.yaml, or FUNCTIONS in infra/local/src/stack/functions.rs",
    );
    let of_sweeper = wanted.iter().filter(|(_, function, _)| *function == "sweeper");
    let of_sweeper: BTreeMap<_, _> = of_sweeper.map(|(name, _, minutes)| (*name, *minutes)).collect();
    assert_eq!(BTreeMap::from(tollgate_sweeper::Schedule::ALL.map(|(_, name, minutes)| (name, minutes))), of_sweeper);
}
