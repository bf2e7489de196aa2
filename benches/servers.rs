//! The gateway beside what one would put in its place: nginx with fixed bytes of the same length, the
//! tutorial's way in Python and in Node, and `webhook` running a command. All serve TLS with the same
//! certificate on this machine, one after another, in alternating order.
//!
//! CPU is what the kernel counts for the server and its children. Fails where the gateway takes more
//! than twice nginx's CPU for a request on a kept connection, or more than Node's, or more than nginx's
//! for a new connection.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

#[path = "../tests/gateway/mod.rs"]
mod gateway;
use gateway::{Client, Demo, TOKEN};

const ROUNDS: usize = 3;
/// How long each server is asked in each round, on a kept connection and with new ones.
const KEPT: Duration = Duration::from_millis(1_500);
const NEW: Duration = Duration::from_millis(1_500);

struct Server {
    name: &'static str,
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

#[derive(Default)]
struct Measured {
    kept_cpu: Vec<f64>,
    kept_rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    new_cpu: Vec<f64>,
    new_rate: Vec<f64>,
    memory: Vec<f64>,
}

fn main() -> ExitCode {
    let demo = Demo::start(&["--probes", "20", "--period", "10s"]);
    let folder = demo.certificate.parent().expect("the demo's folder").to_owned();
    let body = Client::connect(&demo).ask_until("fridge status", |text| text.contains("2 of 20"));
    let length = serde_json::json!({ "text": body }).to_string().len();
    let others =
        [nginx(&folder, length), python(&folder, length), node(&folder, length), webhook(&folder, length)];
    for server in &others {
        let deadline = Instant::now() + gateway::PATIENCE;
        while TcpStream::connect(server.address).is_err() {
            assert!(Instant::now() < deadline, "{} does not listen", server.name);
        }
    }
    let mut servers: Vec<(&str, u32, SocketAddr)> = vec![("fridge", demo.child.id(), demo.address)];
    servers.extend(others.iter().map(|server| (server.name, server.child.id(), server.address)));
    for (_, pid, _) in &servers {
        pin(*pid, "0");
    }
    pin(std::process::id(), "1");

    let mut measured: BTreeMap<&str, Measured> = BTreeMap::new();
    for round in 0..ROUNDS {
        for index in 0..servers.len() {
            let index = if round % 2 == 0 { index } else { servers.len() - 1 - index };
            let (name, pid, address) = servers[index];
            let of = measured.entry(name).or_default();
            kept(of, pid, address, &demo.certificate);
            new(of, pid, address, &demo.certificate);
            of.memory.push(memory_kib(pid) as f64 / 1024.0);
        }
    }

    let median = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!("an answer of {length} bytes; medians of {ROUNDS} rounds");
    println!(
        "| server | CPU µs a request, kept | requests/s, kept | p50 µs | p99 µs | CPU µs a connection, new | connections/s, new | memory MiB |"
    );
    println!("|:--|--:|--:|--:|--:|--:|--:|--:|");
    for (name, _, _) in &servers {
        let of = &measured[name];
        println!(
            "| {name} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
            median(&of.kept_cpu),
            median(&of.kept_rate),
            median(&of.p50),
            median(&of.p99),
            median(&of.new_cpu),
            median(&of.new_rate),
            median(&of.memory)
        );
    }
    let kept_cpu = |name: &str| median(&measured[name].kept_cpu);
    let new_cpu = |name: &str| median(&measured[name].new_cpu);
    let (to_nginx, to_node, new_to_nginx) = (
        kept_cpu("fridge") / kept_cpu("nginx"),
        kept_cpu("fridge") / kept_cpu("node"),
        new_cpu("fridge") / new_cpu("nginx"),
    );
    println!(
        "\nCPU a kept request: {to_nginx:.2} times nginx's (bound 2), {to_node:.2} times Node's (bound 1); a new connection: {new_to_nginx:.2} times nginx's (bound 1)"
    );
    if to_nginx <= 2.0 && to_node < 1.0 && new_to_nginx <= 1.0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Asks on one connection for as long as the server keeps it.
fn kept(of: &mut Measured, pid: u32, address: SocketAddr, certificate: &Path) {
    let mut client = Client::to(address, certificate);
    if question(&mut client) {
        client = Client::to(address, certificate);
    }
    let (mut times, cpu, began) = (Vec::new(), cpu_ns(pid), Instant::now());
    while began.elapsed() < KEPT {
        let asked = Instant::now();
        if question(&mut client) {
            client = Client::to(address, certificate);
        }
        times.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    let count = times.len() as f64;
    of.kept_cpu.push((cpu_ns(pid) - cpu) as f64 / 1e3 / count);
    of.kept_rate.push(count / began.elapsed().as_secs_f64());
    times.sort_by(f64::total_cmp);
    of.p50.push(times[times.len() / 2]);
    of.p99.push(times[times.len() * 99 / 100]);
}

/// Asks on a new connection each time.
fn new(of: &mut Measured, pid: u32, address: SocketAddr, certificate: &Path) {
    let (mut count, cpu, began) = (0.0, cpu_ns(pid), Instant::now());
    while began.elapsed() < NEW {
        question(&mut Client::to(address, certificate));
        count += 1.0;
    }
    of.new_cpu.push((cpu_ns(pid) - cpu) as f64 / 1e3 / count);
    of.new_rate.push(count / began.elapsed().as_secs_f64());
}

/// Asks once; says whether the server ends the connection behind its answer.
fn question(client: &mut Client) -> bool {
    let form = [("text", "fridge status"), ("token", TOKEN), ("trigger_word", "fridge")];
    let answer = client.post_form("/webhook", &form);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.closes
}

/// A process, and all that it started.
fn family(pid: u32) -> Vec<u32> {
    let mut pids = vec![pid];
    let mut next = 0;
    while let Some(&parent) = pids.get(next) {
        let tasks = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            pids.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        next += 1;
    }
    pids
}

/// The CPU time of a process, of those that it started, and of those of them that have ended.
fn cpu_ns(pid: u32) -> u64 {
    const TICK_NS: u64 = 10_000_000;
    let living = family(pid).into_iter().map(|pid| {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let ran = tasks.filter_map(|task| {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
        });
        ran.sum::<u64>()
    });
    let ended = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // cutime and cstime are the 16th and 17th fields; the second is a name in brackets.
    let fields: Vec<u64> = ended
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    living.sum::<u64>() + fields.iter().sum::<u64>() * TICK_NS
}

fn memory_kib(pid: u32) -> u64 {
    let of = |pid: u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0)
    };
    family(pid).into_iter().map(of).sum()
}

fn pin(pid: u32, core: &str) {
    for pid in family(pid) {
        let pinned =
            Command::new("taskset").args(["-acp", core, &pid.to_string()]).stdout(Stdio::null()).status();
        assert!(pinned.is_ok_and(|status| status.success()), "taskset keeps a process to a core");
    }
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

fn start(name: &'static str, address: SocketAddr, command: &mut Command) -> Server {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Server { name, child: child.unwrap_or_else(|error| panic!("{name}: {error}")), address }
}

fn nginx(folder: &Path, length: usize) -> Server {
    let address = free_port();
    let path = folder.join("nginx.conf");
    let folder = folder.display();
    let body = "x".repeat(length);
    // One process: killed, a master would leave its worker behind.
    let config = format!(
        "daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n\
         events {{}}\n\
         http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};\n\
         uwsgi_temp_path {folder}; scgi_temp_path {folder}; keepalive_requests 1000000;\n\
         server {{ listen {address} ssl; ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;\n\
         ssl_session_tickets off;\n\
         location / {{ default_type application/json; return 200 \"{body}\"; }} }} }}\n"
    );
    fs::write(&path, config).expect("written");
    start("nginx", address, Command::new("nginx").arg("-c").arg(&path))
}

/// As the tutorial has it: a server of one thread, its socket wrapped in TLS.
fn python(folder: &Path, length: usize) -> Server {
    let address = free_port();
    let program = format!(
        "import json, ssl\n\
         from urllib.parse import parse_qs\n\
         from wsgiref.simple_server import WSGIRequestHandler, make_server\n\
         class Quiet(WSGIRequestHandler):\n    def log_message(self, *_): pass\n\
         answer = json.dumps({{'text': 'x' * {}}}).encode()\n\
         def app(environ, respond):\n    \
             parse_qs(environ['wsgi.input'].read(int(environ['CONTENT_LENGTH'])).decode())\n    \
             respond('200 OK', [('Content-Type', 'application/json'), ('Content-Length', str(len(answer)))])\n    \
             return [answer]\n\
         server = make_server('127.0.0.1', {}, app, handler_class=Quiet)\n\
         context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
         context.load_cert_chain('{2}/certificate.pem', '{2}/key.pem')\n\
         server.socket = context.wrap_socket(server.socket, server_side=True)\n\
         server.serve_forever()\n",
        length.saturating_sub(12),
        address.port(),
        folder.display()
    );
    let path = folder.join("server.py");
    fs::write(&path, program).expect("written");
    start("python", address, Command::new("python3").arg(&path))
}

fn node(folder: &Path, length: usize) -> Server {
    let address = free_port();
    let program = format!(
        "const fs = require('fs'), https = require('https'), querystring = require('querystring');\n\
         const answer = JSON.stringify({{ text: 'x'.repeat({}) }});\n\
         const pair = {{ cert: fs.readFileSync('{2}/certificate.pem'), key: fs.readFileSync('{2}/key.pem') }};\n\
         https.createServer(pair, (request, response) => {{\n\
           let body = '';\n\
           request.on('data', chunk => body += chunk);\n\
           request.on('end', () => {{ querystring.parse(body);\n\
             response.writeHead(200, {{ 'Content-Type': 'application/json', 'Content-Length': answer.length }});\n\
             response.end(answer); }});\n\
         }}).listen({1}, '127.0.0.1');\n",
        length.saturating_sub(11),
        address.port(),
        folder.display()
    );
    let path = folder.join("server.js");
    fs::write(&path, program).expect("written");
    start("node", address, Command::new("node").arg(&path))
}

fn webhook(folder: &Path, length: usize) -> Server {
    let address = free_port();
    fs::write(folder.join("answer"), "x".repeat(length)).expect("written");
    let hooks = serde_json::json!([{
        "id": "webhook",
        "execute-command": "/bin/cat",
        "pass-arguments-to-command": [{ "source": "string", "name": folder.join("answer") }],
        "include-command-output-in-response": true,
    }]);
    fs::write(folder.join("hooks.json"), hooks.to_string()).expect("written");
    let mut command = Command::new("webhook");
    command.arg("-hooks").arg(folder.join("hooks.json")).args([
        "-urlprefix",
        "",
        "-ip",
        "127.0.0.1",
        "-secure",
    ]);
    command.arg("-cert").arg(folder.join("certificate.pem")).arg("-key").arg(folder.join("key.pem"));
    start("webhook", address, command.args(["-port", &address.port().to_string()]))
}
