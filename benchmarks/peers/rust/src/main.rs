//! hyper, the HTTP client under a2, sends the job of argument 1; one JSON line: how many were accepted, in which time,
//! for how much CPU. Argument 2 is the authorization header.

use futures::stream::{self, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, Request};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{env, fs, io::BufReader, time::Instant};

#[derive(serde::Deserialize)]
struct Job {
    host: String,
    port: u16,
    ca: String,
    topic: String,
    payload: serde_json::Value,
    in_flight: usize,
    warm: u64,
    count: u64,
}

fn cpu() -> f64 {
    let mut usage = unsafe { std::mem::zeroed::<libc::rusage>() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}

#[tokio::main]
async fn main() {
    let mut args = env::args().skip(1);
    let job: Job = serde_json::from_str(&fs::read_to_string(args.next().unwrap()).unwrap()).unwrap();
    let authorization = args.next().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pemfile::certs(&mut BufReader::new(fs::File::open(&job.ca).unwrap())) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http2().build();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
    let body = Bytes::from(job.payload.to_string());

    let send = |number: u64| {
        let request = Request::post(format!("https://{}:{}/3/device/{:064x}", job.host, job.port, number * 7919))
            .header("authorization", &authorization)
            .header("apns-topic", &job.topic)
            .header("apns-push-type", "background")
            .header("apns-priority", "5")
            .body(Full::new(body.clone()))
            .unwrap();
        let answer = client.request(request);
        async move {
            match answer.await {
                Ok(answer) => {
                    let accepted = answer.status() == 200;
                    let _ = answer.into_body().collect().await;
                    accepted as u64
                }
                Err(_) => 0,
            }
        }
    };
    let send_all = |count: u64| {
        stream::iter(1..=count).map(send).buffer_unordered(job.in_flight).fold(0, |sum, one| async move { sum + one })
    };

    send(1).await;
    send_all(job.warm).await;
    let (began, before) = (Instant::now(), cpu());
    let accepted: u64 = send_all(job.count).await;
    let (seconds, spent) = (began.elapsed().as_secs_f64(), cpu() - before);
    println!("{{\"accepted\": {accepted}, \"seconds\": {seconds}, \"cpu_s\": {spent}}}");
}
