//! The questions, in order.

use super::{Answers, Question, Takes};

fn text(value: &str) -> String {
    value.to_owned()
}

fn always(_: &Answers) -> bool {
    true
}

fn called(a: &Answers) -> bool {
    a.yes("called")
}

fn production(a: &Answers) -> bool {
    a.is("profile", "production")
}

fn limited(a: &Answers) -> bool {
    a.yes("limit")
}

fn broken(a: &Answers) -> bool {
    a.yes("breaker")
}

/// Whether callers say who they are, and not in one of the ways asked about before.
fn login(a: &Answers) -> bool {
    a.yes("login")
}

fn scaled(a: &Answers, by: &str) -> bool {
    a.is("scale", by)
}

const YES: fn(&Answers) -> String = |_| text("yes");
const NO: fn(&Answers) -> String = |_| text("no");

macro_rules! question {
    ($key:literal, $text:literal, $help:literal, $takes:expr, $default:expr, $asked:expr, $more:literal) => {
        Question { key: $key, text: $text, help: $help, more: $more, takes: $takes, default: $default, asked: $asked }
    };
}

pub(super) const ALL: &[Question] = &[
    question!(
        "name",
        "What is the service called?",
        "lower case letters, digits and -",
        Takes::Text,
        |_| text("task-api"),
        always,
        "The names of all objects are made of it, and the namespace has this name too."
    ),
    question!(
        "description",
        "What is it for, in one line?",
        "",
        Takes::Text,
        |a| format!("the service {}", a.get("name")),
        always,
        "It stands at the head of the specification, for people."
    ),
    question!(
        "profile",
        "Where does it run?",
        "",
        Takes::One(&["local", "production"]),
        |_| text("local"),
        always,
        "local: a cluster on one machine, small, reached through node ports. production: HTTPS alone, two or more of everything that serves, \
         and a load balancer in front."
    ),
    question!(
        "deploy",
        "Shall its program be deployed too?",
        "",
        Takes::YesNo,
        YES,
        always,
        "With yes a Deployment and a Service are generated for each version. With no the Services are taken as existing."
    ),
    question!(
        "image",
        "Which image?",
        "with its tag",
        Takes::Text,
        |a| format!("localhost/{}:local", a.get("name")),
        |a| a.yes("deploy"),
        "The container image of the program, such as ghcr.io/example/api:1.2.3. localhost/task-api:local is the Task API that comes with tstack."
    ),
    question!(
        "port",
        "On which port does it listen?",
        "",
        Takes::Number,
        |_| text("8000"),
        always,
        "The port of the program and of its Service."
    ),
    question!(
        "health",
        "Which path says that a pod can serve?",
        "",
        Takes::Text,
        |_| text("/health"),
        |a| a.yes("deploy"),
        "A GET to it answers 200 when the pod is ready for requests. It is asked within the cluster alone."
    ),
    question!(
        "called",
        "Is it called over HTTP from outside?",
        "",
        Takes::YesNo,
        YES,
        always,
        "With no it is a worker: there is no gateway, and nothing of what a gateway does."
    ),
    question!(
        "paths",
        "Below which paths is it called?",
        "",
        Takes::List,
        |_| text("/api"),
        called,
        "Prefixes of whole parts: /api takes in /api and /api/tasks, but not /apis. Leave /health and /metrics out, they are for the inside."
    ),
    question!(
        "hosts",
        "Under which host names?",
        "none for any",
        Takes::List,
        |a| if production(a) { format!("{}.example.com", a.get("name")) } else { String::new() },
        called,
        "Names such as api.example.com or *.example.com. With none every name that leads to the gateway is taken."
    ),
    question!(
        "versions",
        "How many versions run beside each other?",
        "1 to 8",
        Takes::Number,
        |_| text("1"),
        always,
        "Each version has a Service of its own. They are called v1, v2 and so on."
    ),
    question!(
        "share",
        "How are they told apart?",
        "",
        Takes::One(&["path", "canary", "blueGreen", "ab"]),
        |_| text("path"),
        |a| called(a) && a.number("versions") == 2,
        "path: /api/v1 and /api/v2. canary: a part of all requests goes to v2. blueGreen: all to one of the two. ab: requests with a header go to v2."
    ),
    question!(
        "percent",
        "How many of 100 requests go to v2?",
        "",
        Takes::Number,
        |_| text("10"),
        |a| a.is("share", "canary"),
        "The rest goes to v1. 0 and 100 are possible too."
    ),
    question!(
        "tls",
        "Does the gateway speak HTTPS?",
        "",
        Takes::YesNo,
        YES,
        |a| called(a) && !production(a),
        "In profile production it always does. Logins, passwords and keys need it too."
    ),
    question!(
        "certificate",
        "Where does the certificate come from?",
        "",
        Takes::One(&["selfSigned", "issuer", "ca", "existing"]),
        |_| text("selfSigned"),
        |a| a.yes("tls"),
        "selfSigned: cert-manager signs it with its own key, and no client trusts it. issuer: an issuer of cert-manager. ca: a CA in a Secret. \
         existing: it lies in a Secret already."
    ),
    question!(
        "trusted",
        "Where does the certificate come from?",
        "",
        Takes::One(&["issuer", "ca", "existing"]),
        |_| text("issuer"),
        |a| called(a) && production(a),
        "issuer: an issuer of cert-manager, such as one for Let's Encrypt. ca: a CA in a Secret. existing: it lies in a Secret already."
    ),
    question!(
        "issuer",
        "What is the ClusterIssuer called?",
        "",
        Takes::Text,
        |_| text("letsencrypt"),
        |a| a.is("certificate", "issuer") || a.is("trusted", "issuer"),
        "An object of cert-manager that exists in the cluster."
    ),
    question!(
        "ca",
        "In which Secret is the CA?",
        "",
        Takes::Text,
        |a| format!("{}-ca", a.get("name")),
        |a| a.is("certificate", "ca") || a.is("trusted", "ca"),
        "A Secret of the namespace with `tls.crt` and `tls.key` of the CA."
    ),
    question!(
        "limit",
        "Shall the number of requests be limited?",
        "",
        Takes::YesNo,
        YES,
        called,
        "Each user gets a quota, and all who are not known share a small one: nobody can use up what others need."
    ),
    question!(
        "userHeader",
        "Which header names the user?",
        "",
        Takes::Text,
        |_| text("x-user-id"),
        limited,
        "Each of its values is counted apart. With a login it is set from the login; without one it is what the client says."
    ),
    question!(
        "unit",
        "Over which time is counted?",
        "",
        Takes::One(&["Second", "Minute", "Hour", "Day"]),
        |_| text("Minute"),
        limited,
        "The quota comes back evenly over this time, and not all at once at its end."
    ),
    question!(
        "authenticated",
        "How many requests may each user make in that time?",
        "",
        Takes::Number,
        |_| text("100"),
        limited,
        "More than that is answered 429."
    ),
    question!(
        "anonymous",
        "And all clients without that header together?",
        "",
        Takes::Number,
        |a| a.number("authenticated").clamp(1, 10).to_string(),
        limited,
        "One quota for all of them, at most as large as that of a user."
    ),
    question!(
        "count",
        "Where is counted?",
        "",
        Takes::One(&["local", "global"]),
        |_| text("local"),
        limited,
        "local: in each Envoy, with nothing more to run; with n Envoys up to n times as much passes. global: in a Redis that Envoy Gateway must know."
    ),
    question!(
        "breaker",
        "Shall the gateway refuse what the service cannot bear?",
        "a circuit breaker",
        Takes::YesNo,
        YES,
        called,
        "Beyond a number of requests at once the gateway answers 503 by itself, so that what is under way can finish."
    ),
    question!(
        "connections",
        "How many connections at most?",
        "",
        Takes::Number,
        |_| text("50"),
        broken,
        "Connections from one Envoy to all pods of a route."
    ),
    question!(
        "parallel",
        "How many requests under way at most?",
        "",
        Takes::Number,
        |a| a.number("connections").clamp(1, 25).to_string(),
        broken,
        "At most as many as there may be connections."
    ),
    question!(
        "pending",
        "How many that wait for a connection?",
        "",
        Takes::Number,
        |a| a.number("parallel").clamp(1, 5).to_string(),
        broken,
        "A small number: who waits long has better been told at once."
    ),
    question!(
        "probe",
        "Shall the gateway ask each pod whether it serves?",
        "active health checks",
        Takes::YesNo,
        YES,
        called,
        "A pod that fails three times gets no more requests until it answers again. Pods that answer 5xx are left out in any case where there is a circuit breaker."
    ),
    question!(
        "retry",
        "Shall the gateway try a request again that no pod has seen?",
        "",
        Takes::YesNo,
        YES,
        called,
        "Connections that were refused or broke before the request was sent: nothing is ever done twice."
    ),
    question!("login", "Must callers say who they are?", "", Takes::YesNo, NO, called, "With no everybody may call."),
    question!(
        "sso",
        "Do people log in through an identity provider?",
        "single sign-on",
        Takes::YesNo,
        NO,
        login,
        "OpenID Connect: Envoy sends people to log in and keeps the session in a cookie. It needs HTTPS."
    ),
    question!(
        "oidcIssuer",
        "What is the address of the identity provider?",
        "",
        Takes::Text,
        |_| text("https://id.example.com"),
        |a| a.yes("sso"),
        "Its issuer, an https:// address below which /.well-known/openid-configuration lies."
    ),
    question!(
        "clientId",
        "Under which name does it know the service?",
        "",
        Takes::Text,
        |a| text(a.get("name")),
        |a| a.yes("sso"),
        "The client id that the identity provider gave."
    ),
    question!(
        "clientSecret",
        "In which Secret is the password for it?",
        "",
        Takes::Text,
        |a| format!("{}-oidc", a.get("name")),
        |a| a.yes("sso"),
        "A Secret of the namespace with the key `client-secret`."
    ),
    question!(
        "jwt",
        "Do callers hold JSON Web Tokens?",
        "",
        Takes::YesNo,
        YES,
        |a| login(a) && !a.yes("sso"),
        "Tokens that an issuer signed; Envoy checks them with the issuer's public keys and asks nobody."
    ),
    question!(
        "jwtIssuer",
        "Who makes the tokens?",
        "their `iss`",
        Takes::Text,
        |_| text("https://id.example.com"),
        |a| a.yes("jwt"),
        "Exactly as it stands in the tokens."
    ),
    question!(
        "jwks",
        "Where are the issuer's keys?",
        "an https:// address",
        Takes::Text,
        |a| format!("{}/jwks.json", a.get("jwtIssuer").trim_end_matches('/')),
        |a| a.yes("jwt"),
        "The address of its JSON Web Key Set."
    ),
    question!(
        "audience",
        "For whom are the tokens made?",
        "their `aud`",
        Takes::Text,
        |a| text(a.get("name")),
        |a| a.yes("jwt"),
        "A token that the issuer made for another service is refused."
    ),
    question!(
        "internal",
        "Is it a simple internal API?",
        "",
        Takes::YesNo,
        |a| text(if a.yes("tls") || production(a) { "yes" } else { "no" }),
        |a| login(a) && !a.yes("sso") && !a.yes("jwt"),
        "Then a password or a key is enough. Otherwise a service of your own decides about every request."
    ),
    question!(
        "credential",
        "What do callers have?",
        "",
        Takes::One(&["apiKey", "basic"]),
        |_| text("apiKey"),
        |a| a.yes("internal"),
        "apiKey: a key in the header x-api-key. basic: a name and a password. Both need HTTPS."
    ),
    question!(
        "credentials",
        "In which Secret are they?",
        "",
        Takes::Text,
        |a| format!("{}-clients", a.get("name")),
        |a| a.yes("internal"),
        "A Secret of the namespace: for keys each under its client's name, for passwords `.htpasswd` with {SHA}."
    ),
    question!(
        "guard",
        "Which Service decides?",
        "",
        Takes::Text,
        |a| format!("{}-auth", a.get("name")),
        |a| a.is("internal", "no"),
        "A Service of the namespace that is asked about each request, over HTTP."
    ),
    question!("guardPort", "On which port?", "", Takes::Number, |_| text("8000"), |a| a.is("internal", "no"), "The port of that Service."),
    question!(
        "allow",
        "From which networks may it be called?",
        "none for all",
        Takes::List,
        |_| String::new(),
        called,
        "Such as 10.0.0.0/8. Everybody else gets 403. On a local cluster all requests come from one address, that of its bridge."
    ),
    question!(
        "origins",
        "Which web pages of other origins may call it?",
        "",
        Takes::List,
        |_| String::new(),
        called,
        "Origins such as https://app.example.com, for browsers (CORS)."
    ),
    question!(
        "scale",
        "What does the number of pods follow?",
        "",
        Takes::One(&["nothing", "requests", "query", "kafka", "cron", "cpu"]),
        |a| text(if called(a) { "requests" } else { "kafka" }),
        always,
        "requests: what the gateway sends to the service, by KEDA and Prometheus. query: any number that Prometheus knows. kafka: messages that wait. \
         cron: the time of day. cpu: the use of processors, by a HorizontalPodAutoscaler."
    ),
    question!(
        "replicas",
        "How many pods?",
        "",
        Takes::Number,
        |a| text(if production(a) { "2" } else { "1" }),
        |a| scaled(a, "nothing") && a.yes("deploy"),
        "Of each version. In production at least two, so that one serves while the other restarts."
    ),
    question!(
        "min",
        "How many pods at least?",
        "",
        Takes::Number,
        |a| text(if !called(a) && !scaled(a, "cpu") {
            "0"
        } else if production(a) {
            "2"
        } else {
            "1"
        }),
        |a| !scaled(a, "nothing"),
        "0 is possible for a worker alone: with no pod left a request over HTTP is answered 503 and starts none."
    ),
    question!(
        "max",
        "How many pods at most?",
        "",
        Takes::Number,
        |a| a.number("min").max(10).to_string(),
        |a| !scaled(a, "nothing"),
        "What the cluster can bear, and the systems behind the service."
    ),
    question!(
        "query",
        "Which query?",
        "PromQL with one number as its answer",
        Takes::Text,
        |_| text("sum(rate(http_requests_total[2m]))"),
        |a| scaled(a, "query"),
        "A query whose labels match nothing gives no number, and then nothing ever scales: try it first."
    ),
    question!(
        "threshold",
        "How much of it does one pod bear?",
        "for requests: a second",
        Takes::Number,
        |_| text("50"),
        |a| scaled(a, "requests") || scaled(a, "query"),
        "Twice as much makes two pods."
    ),
    question!(
        "topic",
        "Which topic?",
        "",
        Takes::Text,
        |a| format!("{}-events", a.get("name")),
        |a| scaled(a, "kafka"),
        "The Kafka topic."
    ),
    question!(
        "group",
        "Which consumer group?",
        "",
        Takes::Text,
        |a| text(a.get("name")),
        |a| scaled(a, "kafka"),
        "The group in which the pods read."
    ),
    question!(
        "brokers",
        "Where is Kafka?",
        "",
        Takes::Text,
        |_| text("kafka.kafka:9092"),
        |a| scaled(a, "kafka"),
        "Brokers as host:port, with commas between them."
    ),
    question!(
        "start",
        "When does the busy time begin?",
        "minute hour day month weekday",
        Takes::Text,
        |_| text("0 8 * * 1-5"),
        |a| scaled(a, "cron"),
        "As crontab has it: 0 8 * * 1-5 is eight o'clock from Monday to Friday."
    ),
    question!("end", "When does it end?", "", Takes::Text, |_| text("0 18 * * 1-5"), |a| scaled(a, "cron"), "As for its beginning."),
    question!("zone", "In which time zone?", "", Takes::Text, |_| text("UTC"), |a| scaled(a, "cron"), "Such as Europe/Berlin."),
    question!(
        "busy",
        "How many pods in that time?",
        "",
        Takes::Number,
        |a| a.number("max").to_string(),
        |a| scaled(a, "cron"),
        "At most as many as there may be."
    ),
    question!(
        "use",
        "How much of their processors should pods use?",
        "percent",
        Takes::Number,
        |_| text("70"),
        |a| scaled(a, "cpu"),
        "Of what each asks for. It needs the metrics server in the cluster."
    ),
];
