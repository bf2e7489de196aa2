//! Users of the page and programs of the API through the real program: made in the shell, let in by their passwords and
//! tokens, heard in the channel when they act, and nobody else.

use std::io::Write;
use std::net::Ipv4Addr;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

mod gateway;
mod receiver;
mod serve;
use gateway::{Answer, Client, Demo};
use receiver::{Receiver, always_ok};
use serve::{PATIENCE, Service, WARM_FREEZER, stdout};

const PASSWORD: &str = "correct horse battery";
const TOKEN: &str = "7c1d0f0f3f5b4d1a9c1e";

/// Runs `fridge user …` with that on its standard input.
fn user(service: &Service, arguments: &[&str], typed: &str) -> Output {
    let mut command = service.command(&[&["user"], arguments].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may end without reading anything.
    drop(writeln!(child.stdin.take().unwrap(), "{typed}"));
    child.wait_with_output().unwrap()
}

/// A browser: it keeps the cookie that it was given.
struct Browser {
    client: Client,
    cookie: Option<String>,
}

impl Browser {
    fn of(service: &Service) -> Browser {
        let certificate = service.folder.path().join("state/certificate.pem");
        Browser { client: Client::to(service.address(), &certificate), cookie: None }
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let cookie = self.cookie.as_ref().map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"));
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: fridge\r\n{cookie}{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        let answer = self.client.send(request.as_bytes());
        if let Some(cookie) = answer.header("set-cookie") {
            let pair = cookie.split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        answer
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }

    fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.post_with(path, "Sec-Fetch-Site: same-origin\r\n", pairs)
    }

    fn post_with(&mut self, path: &str, headers: &str, pairs: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let headers = format!("{headers}Content-Type: application/x-www-form-urlencoded\r\n");
        self.send("POST", path, &headers, &form)
    }

    fn log_in(&mut self, name: &str, password: &str) -> Answer {
        self.post("/login", &[("name", name), ("password", password), ("next", "/alarms")])
    }

    /// What the forms of a page hold.
    fn csrf_token(&mut self, path: &str) -> String {
        let page = self.get(path).body;
        let behind = page.split("name=\"csrf_token\" value=\"").nth(1);
        behind.and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("no form: {page}")).to_owned()
    }
}

fn api(browser: &mut Browser, path: &str, token: &str, body: &str) -> (u16, Value) {
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let answer = browser.send("POST", path, &headers, body);
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}")))
}

#[test]
fn who_logs_in_acts_on_the_page_and_the_channel_hears_of_it() {
    let receiver = Receiver::start(always_ok(), None);
    let notify = format!("[[notify]]\nkind = \"http\"\nurl = \"http://{}/\"\n", receiver.address);
    let service = Service::start(&format!("{WARM_FREEZER}{notify}"));
    let added = user(&service, &["add", "anna"], PASSWORD);
    assert!(
        stdout(&added).contains("Added the user anna") && stdout(&added).contains("systemctl reload fridge"),
        "{added:?}"
    );
    assert!(stdout(&user(&service, &["add", "ben", "--look-only"], PASSWORD)).contains("Added the user ben"));
    let list = stdout(&user(&service, &["list"], ""));
    assert_eq!(list, "anna: looks and acts\nben: looks\n");
    let again = user(&service, &["add", "Anna"], PASSWORD);
    assert!(String::from_utf8_lossy(&again.stderr).contains("fridge user password"), "{again:?}");
    let short = user(&service, &["add", "cleo"], "short");
    assert!(String::from_utf8_lossy(&short.stderr).contains("at least 10 characters"), "{short:?}");
    service.hang_up();
    let alarms = service.until(&["ask", "alarms"], |answer| answer["alarms"][0]["number"].is_u64());
    let number = alarms["alarms"][0]["number"].as_u64().unwrap();

    let mut anna = Browser::of(&service);
    let page = anna.get("/alarms");
    assert!(page.body.contains("href=\"/login?next=%2Falarms\"") && !page.body.contains("<form"), "{page:?}");
    let wrong = anna.log_in("anna", "correct horse");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, None));
    assert!(wrong.body.contains("Wrong name or password.") && !wrong.body.contains("correct horse"));
    let right = anna.log_in("Anna", PASSWORD);
    assert_eq!((right.status, right.header("location")), (303, Some("/alarms")), "{right:?}");
    let cookie = right.header("set-cookie").unwrap();
    for part in ["__Host-fridge=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let csrf_token = anna.csrf_token("/alarms");
    let path = format!("/alarms/{number}/acknowledge");

    // Another site's form has not that token, nor has an old one; and a browser says where a form comes from.
    for (headers, token) in [
        ("Sec-Fetch-Site: same-origin\r\n", "guessed"),
        ("Sec-Fetch-Site: cross-site\r\n", csrf_token.as_str()),
        ("Origin: https://evil.example\r\n", csrf_token.as_str()),
        ("", ""),
    ] {
        let refused = anna.post_with(&path, headers, &[("csrf_token", token), ("cause", "door")]);
        assert_eq!(refused.status, 403, "{headers} {token}");
        assert!(refused.body.contains("This form is out of date"), "{refused:?}");
    }
    // It leads back to the page that holds the form, and not to where that is sent.
    let page = anna.post(&path, &[("csrf_token", "guessed")]).body;
    assert!(
        !page.contains("data-minute") && !page.contains("data-live"),
        "a reload would send it again: {page}"
    );
    let nobody = Browser::of(&service).post(&path, &[("csrf_token", &csrf_token)]);
    assert!(nobody.status == 403 && nobody.body.contains("Log in first"), "{nobody:?}");

    let done = anna.post(&path, &[("csrf_token", &csrf_token), ("cause", "the <door>")]);
    assert_eq!((done.status, done.header("location")), (303, Some("/alarms")), "{done:?}");
    let page = anna.get("/alarms").body;
    assert!(page.contains("acknowledged by <bdi>anna</bdi>"), "{page}");
    let told = receiver.until(|message| message["topic"] == "acknowledged");
    let text = told["text"].as_str().unwrap();
    assert!(
        text.starts_with("Freezer (#1) is acknowledged by anna\n") && text.contains(": the <door>"),
        "{text}"
    );
    assert_eq!(told["alarms"][0]["acknowledged"]["by"], "anna", "{told}");
    assert!(stdout(&service.run(&["ask", "alarms"])).contains("acknowledged by anna: the <door>"));

    let quiet = anna.post("/fridges/freezer/snooze", &[("csrf_token", &csrf_token), ("length", "2h")]);
    assert_eq!((quiet.status, quiet.header("location")), (303, Some("/fridges/freezer")), "{quiet:?}");
    assert!(anna.get("/fridges/freezer").body.contains("snoozed until"));
    let told = receiver.until(|message| message["notice"]["quiet"].is_object());
    assert!(told["text"].as_str().unwrap().starts_with("anna snoozed Freezer\n"), "{told}");
    let expected = json!({ "fridges": ["Freezer"], "length_s": 7_200, "warmth_only": false, "by": "anna" });
    assert_eq!(told["notice"]["quiet"], expected);
    let wrong = anna.post("/fridges/freezer/defrost", &[("csrf_token", &csrf_token), ("length", "9d")]);
    assert_eq!((wrong.status, wrong.body.contains("from 1 min to 24 h")), (400, true), "{wrong:?}");
    let gone = anna.post("/alarms/999/acknowledge", &[("csrf_token", &csrf_token)]);
    assert_eq!((gone.status, gone.body.contains("No open alarm has that number")), (404, true), "{gone:?}");

    // Who may look sees no form, and may not send one.
    let mut ben = Browser::of(&service);
    assert_eq!(ben.log_in("ben", PASSWORD).status, 303);
    let page = ben.get("/alarms").body;
    assert!(page.contains(">ben<") && !page.contains("/acknowledge"), "{page}");
    let token = ben.csrf_token("/");
    let refused = ben.post(&path, &[("csrf_token", &token)]);
    assert!(refused.status == 403 && refused.body.contains("You can look, but not act"), "{refused:?}");

    // A session ends with its user's password, and by the way out.
    let before = anna.cookie.clone();
    let out = anna.post("/logout", &[("csrf_token", &csrf_token)]);
    assert_eq!((out.status, anna.cookie.take()), (303, None), "{out:?}");
    anna.cookie = before;
    assert!(!anna.get("/").body.contains("Log out"));
    assert!(user(&service, &["password", "ben"], "another long password").status.success());
    service.hang_up();
    assert!(!ben.get("/").body.contains("Log out"));
    assert_eq!(ben.log_in("ben", "another long password").status, 303);
    assert!(user(&service, &["remove", "ben"], "").status.success());
    service.hang_up();
    assert!(!ben.get("/").body.contains("Log out"));
}

#[test]
fn who_looks_is_known_where_that_is_needed_and_sees_nothing_more_when_the_session_ends() {
    let client = format!("[[client]]\nname = \"board\"\ntoken = \"{TOKEN}\"\nmay_act = false\n");
    let page = "[page]\nlogin = true\norigins = [\"https://board.example.org\"]\n";
    let service = Service::start(&format!("{WARM_FREEZER}{client}{page}"));
    user(&service, &["add", "anna"], PASSWORD);
    service.hang_up();
    let mut anna = Browser::of(&service);
    for path in
        ["/", "/alarms", "/fridges/freezer?range=7d", "/fridges/freezer/readings.csv", "/doctor", "/about"]
    {
        let answer = anna.get(path);
        let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let login = format!("/login?next={next}");
        assert_eq!((answer.status, answer.header("location")), (303, Some(login.as_str())), "{path}");
    }
    for path in ["/api/v1/fridges", "/api/v1/events", "/api/v1/openapi.json", "/metrics"] {
        let answer = anna.get(path);
        assert_eq!((answer.status, answer.header("www-authenticate").is_some()), (401, true), "{path}");
        assert!(answer.body.contains("Authorization: Bearer"), "{answer:?}");
        let bearer = |token| format!("Authorization: Bearer {token}\r\n");
        assert_eq!(anna.send("GET", path, &bearer("guessed"), "").status, 401, "{path}");
        if path != "/api/v1/events" {
            assert_eq!(anna.send("GET", path, &bearer(TOKEN), "").status, 200, "{path}");
        }
    }
    let login = anna.get("/login?next=https://evil.example").body;
    assert!(login.contains("name=\"next\" value=\"/\""), "{login}");
    let style =
        login.split("href=\"").find(|it| it.contains(".css")).and_then(|it| it.split('"').next()).unwrap();
    assert_eq!(anna.get(style).status, 200);

    assert_eq!(anna.log_in("anna", PASSWORD).status, 303);
    assert_eq!(anna.get("/api/v1/fridges").status, 200);
    let mut stream = Browser::of(&service);
    let cookie = anna.cookie.clone().unwrap();
    let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: fridge\r\nCookie: {cookie}\r\n\r\n");
    stream.client.write(request.as_bytes());
    stream.client.read_until("event: beat");
    let token = anna.csrf_token("/");
    assert_eq!(anna.post("/logout", &[("csrf_token", &token)]).status, 303);
    // The stream ends with the session.
    stream.client.read_until("\r\n0\r\n");

    // A site that is named may have its scripts ask, with a token; no other may, and none has the session.
    let origin = |origin: &str| format!("Origin: https://{origin}\r\nAuthorization: Bearer {TOKEN}\r\n");
    let named = anna.send("GET", "/api/v1/fridges", &origin("board.example.org"), "");
    assert_eq!(named.header("access-control-allow-origin"), Some("https://board.example.org"));
    assert_eq!(named.header("access-control-allow-credentials"), None);
    let other = anna.send("GET", "/api/v1/fridges", &origin("evil.example"), "");
    assert_eq!((other.status, other.header("access-control-allow-origin")), (200, None));
    let ask = "Access-Control-Request-Method: POST\r\nOrigin: https://board.example.org\r\n";
    let before = anna.send("OPTIONS", "/api/v1/alarms/1/acknowledge", ask, "");
    assert_eq!(before.status, 204);
    assert!(before.header("access-control-allow-headers").unwrap().contains("Authorization"));
    let (status, problem) = api(&mut anna, "/api/v1/alarms/1/acknowledge", TOKEN, "{}");
    assert!(status == 403 && problem["detail"].as_str().unwrap().contains("look, but not act"), "{problem}");
}

#[test]
fn a_program_acts_by_its_token_and_its_mistakes_are_told() {
    let receiver = Receiver::start(always_ok(), None);
    let notify = format!("[[notify]]\nkind = \"http\"\nurl = \"http://{}/\"\n", receiver.address);
    let client = format!("[[client]]\nname = \"node-red\"\ntoken = \"{TOKEN}\"\n");
    let service = Service::start(&format!("{WARM_FREEZER}{client}{notify}"));
    service.until(&["ask", "alarms"], |answer| answer["alarms"][0]["number"] == 1);
    let mut program = Browser::of(&service);
    for (path, body, status, said) in [
        ("/alarms/99/acknowledge", "{}", 404, "no open alarm"),
        ("/alarms/x/acknowledge", "{}", 404, "no open alarm"),
        ("/alarms/1/acknowledge", "[]", 400, "a JSON object"),
        ("/alarms/1/acknowledge", "{\"why\":\"\"}", 400, "unknown field `why`"),
        ("/fridges/freezer/snooze", "", 400, "a JSON object"),
        ("/fridges/freezer/snooze", "{\"length\":\"2\"}", 400, "from 1m to 24h"),
        ("/fridges/freezer/snooze", "{\"length\":\"3d\"}", 400, "from 1m to 24h"),
        ("/fridges/nothing/defrost", "{\"length\":\"1h\"}", 404, "no fridge with that id"),
        ("/fridges", "{}", 405, "GET, HEAD only"),
    ] {
        let (told, problem) = api(&mut program, &format!("/api/v1{path}"), TOKEN, body);
        assert_eq!(told, status, "{path} {body}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{path} {body}: {problem}");
    }
    let form =
        format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    let wrong_type = program.send("POST", "/api/v1/alarms/1/acknowledge", &form, "cause=door");
    assert_eq!(wrong_type.status, 415, "{wrong_type:?}");
    let large = format!("{{\"cause\":\"{}\"}}", "x".repeat(5_000));
    let headers = format!("Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n");
    // Behind such a body the connection ends.
    let large = Browser::of(&service).send("POST", "/api/v1/alarms/1/acknowledge", &headers, &large);
    assert_eq!(large.status, 413);
    let none =
        program.send("POST", "/api/v1/alarms/1/acknowledge", "Content-Type: application/json\r\n", "{}");
    assert_eq!((none.status, none.header("www-authenticate").is_some()), (401, true));
    assert_eq!(api(&mut program, "/api/v1/alarms/1/acknowledge", "guessed", "{}").0, 401);
    assert_eq!(program.get("/api/v1/alarms/1/acknowledge").header("allow"), Some("POST"));

    // Mistakes use nothing up.
    for _ in 0..40 {
        assert_eq!(api(&mut program, "/api/v1/fridges/freezer/snooze", TOKEN, "{}").0, 400);
    }
    let (status, alarms) =
        api(&mut program, "/api/v1/alarms/1/acknowledge", TOKEN, "{\"cause\":\"delivery\"}");
    assert_eq!(status, 200, "{alarms}");
    assert_eq!(alarms["alarms"][0]["acknowledged_by"], "node-red", "{alarms}");
    assert_eq!(alarms["alarms"][0]["cause"], "delivery");
    let (status, quiet) = api(&mut program, "/api/v1/fridges/freezer/defrost", TOKEN, "{\"length\":\"45m\"}");
    assert_eq!(
        (status, &quiet["id"], &quiet["warmth_only"]),
        (200, &"freezer".into(), &true.into()),
        "{quiet}"
    );
    let text = |message: &Value| message["text"].as_str().unwrap_or_default().to_owned();
    receiver.until(|message| text(message).contains("is acknowledged by node-red"));
    receiver.until(|message| text(message).contains("node-red announced a defrost: Freezer"));
    let too_many = (0..40).find_map(|_| {
        let (status, problem) = api(&mut program, "/api/v1/alarms/1/acknowledge", TOKEN, "{}");
        (status == 429).then_some(problem)
    });
    let problem = too_many.expect("thirty acts are enough for a while");
    assert!(problem["detail"].as_str().unwrap().contains("Try again in"), "{problem}");
}

#[test]
fn ten_thousand_wrong_passwords_are_slowed_and_told() {
    let demo = Demo::start(&["--probes", "1"]);
    let password = demo.banner.lines().find_map(|line| line.trim().strip_prefix("password"));
    let password = password.unwrap().rsplit(' ').next().unwrap().to_owned();
    let form = |password: &str| format!("name=demo&password={password}");
    let request = |body: &str| {
        format!(
            "POST /login HTTP/1.1\r\nHost: fridge\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let mut client = Client::connect(&demo);
    let began = Instant::now();
    let (mut tried, mut slowed) = (0, 0);
    for number in 0..10_000 {
        let answer = client.send(request(&form(&format!("guess{number}"))).as_bytes());
        match answer.status {
            403 => tried += 1,
            429 => {
                slowed += 1;
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=30).contains(&wait), "{wait}");
                assert!(answer.body.contains("Too many wrong passwords. Try again in "), "{}", answer.body);
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    let most = 5 + began.elapsed().as_secs() / 30;
    println!("10,000 wrong passwords in {:?}: {tried} were tried, {slowed} not", began.elapsed());
    assert!(tried <= most, "{tried}");
    // The right one has to wait as well: else a guess would be known to be right by its answer.
    assert_eq!(client.send(request(&form(&password)).as_bytes()).status, 429);
    // Another address is not held up.
    let mut other = Client::from(Ipv4Addr::new(127, 0, 0, 9).into(), demo.address, &demo.certificate);
    assert_eq!(other.send(request(&form(&password)).as_bytes()).status, 303);
    let mut doctor = std::process::Command::new(env!("CARGO_BIN_EXE_fridge"));
    let told = doctor.args(["doctor", "--last", "--socket"]).arg(&demo.socket).output().unwrap();
    let told = stdout(&told);
    assert!(told.contains("wrong password: somebody tried") && told.contains(" times"), "{told}");
    assert!(!told.contains("guess"), "{told}");
}

#[test]
fn nothing_of_it_is_there_when_the_page_is_off() {
    let service = Service::start(&format!("{WARM_FREEZER}[page]\nenabled = false\n"));
    user(&service, &["add", "anna"], PASSWORD);
    service.hang_up();
    let mut anna = Browser::of(&service);
    for answer in [
        anna.get("/login"),
        anna.log_in("anna", PASSWORD),
        anna.post("/logout", &[]),
        anna.get("/doctor"),
        anna.post("/alarms/1/acknowledge", &[]),
        anna.send("POST", "/api/v1/alarms/1/acknowledge", "Content-Type: application/json\r\n", "{}"),
    ] {
        assert!(answer.status == 404 && answer.header("set-cookie").is_none(), "{answer:?}");
        assert!(answer.body.contains("`enabled` in the section [page]"), "{answer:?}");
    }
}

#[test]
fn who_is_logged_in_sees_what_the_doctor_finds() {
    let service = Service::start(WARM_FREEZER);
    let mut anna = Browser::of(&service);
    assert_eq!(anna.get("/doctor").status, 303);
    user(&service, &["add", "anna"], PASSWORD);
    service.hang_up();
    assert_eq!(anna.log_in("anna", PASSWORD).status, 303);
    assert!(anna.get("/about").body.contains("href=\"/doctor\""));
    let deadline = Instant::now() + PATIENCE;
    let page = anna.get("/doctor");
    assert!(Instant::now() < deadline && page.status == 200, "{page:?}");
    for finding in ["no-token", "one user can log in", "data-level=\"ok\"", "gateway: version"] {
        assert!(page.body.contains(finding), "no {finding}: {}", page.body);
    }
    // What was just looked at is not looked at again.
    let began = Instant::now();
    assert_eq!(anna.get("/doctor").body.matches("<li ").count(), page.body.matches("<li ").count());
    assert!(began.elapsed() < Duration::from_secs(1));
}
