use proptest::{collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};

use super::*;

fn redact(text: &str) -> String {
    Redacted::of(text).into_string()
}

#[test]
fn what_looks_like_a_credential_is_hidden() {
    for (line, shown) in [
        ("DATABASE_PASSWORD=hunter2 host=db", "DATABASE_PASSWORD=[hidden] host=db"),
        (r#"{"api_key": "abc123", "port": 80}"#, r#"{"api_key": [hidden], "port": 80}"#),
        (
            r#"{"msg":"x","cfg":"{\"password\":\"hun\\\"ter2\",\"a\":1}"}"#,
            r#"{"msg":"x","cfg":"{\"password\":[hidden],\"a\":1}"}"#,
        ),
        (
            "connecting to postgres://app:hunter2@db:5432/app",
            "connecting to postgres://[hidden]@db:5432/app",
        ),
        ("redis://:a/b@cache:6379/0", "redis://[hidden]@cache:6379/0"),
        ("mysql://root:p@ss:w/rd#1?@db/x", "mysql://[hidden]@db/x"),
        ("dsn app:s3cret@tcp(db:3306)/x", "dsn [hidden]@tcp(db:3306)/x"),
        ("> Authorization: Bearer abcdefgh.ijkl", "> Authorization: [hidden]"),
        ("sent Bearer abcdefgh.1jkl to it", "sent Bearer [hidden] to it"),
        ("Cookie: a=1; session=2", "Cookie: [hidden]"),
        ("< Set-Cookie: id=x; HttpOnly", "< Set-Cookie: [hidden]"),
        ("[('Cookie', 'a=1; b=2'), ('Host', 'x')]", "[('Cookie', [hidden]), ('Host', 'x')]"),
        ("map[Authorization:[Bearer abc] Host:[x]]", "map[Authorization:[hidden] Host:[x]]"),
        ("DB_PASS=a,b;c&d", "DB_PASS=[hidden]"),
        ("Server=db;Uid=sa;Pwd=x1", "Server=db;Uid=sa;Pwd=[hidden]"),
        ("AccountName=x;AccountKey=abc==", "AccountName=x;AccountKey=[hidden]"),
        ("SMTP_PASS: x1", "SMTP_PASS: [hidden]"),
        ("smtpPass: x1", "smtpPass: [hidden]"),
        ("ENCRYPTION_KEY=x1", "ENCRYPTION_KEY=[hidden]"),
        ("API key: x1", "API key: [hidden]"),
        ("tool --password x1 --verbose", "tool --password [hidden] --verbose"),
        ("curl -u mona:x1 https://example.com", "curl -u [hidden] https://example.com"),
        ("password = 'correct horse, battery; staple' ok", "password = [hidden] ok"),
        ("password: \"never ends", "password: [hidden]"),
        ("password: |\n  one\n  two\nnext: 1", "password: [hidden]next: 1"),
        ("- name: DB_PASS\n  value: x1", "- name: DB_PASS\n  value: [hidden]"),
        (r#"{"name":"DB_PASS","value":"x 1"}"#, r#"{"name":"DB_PASS","value":[hidden]}"#),
        ("<password>x1</password>", "<password>[hidden]</password>"),
        ("ALTER USER app IDENTIFIED BY 'x 1';", "ALTER USER app IDENTIFIED BY [hidden];"),
        ("GET /?token=x1&user=2 200", "GET /?token=[hidden] 200"),
        // The colours of a logger stand between name and value.
        ("\u{1b}[3mpassword\u{1b}[0m\u{1b}[2m=\u{1b}[0mx1", "password=[hidden]"),
    ] {
        assert_eq!(redact(line), shown);
    }
}

#[test]
fn issuers_own_forms_are_known() {
    let key = "0123456789abcdefghijABCDEFGHIJ4567";
    for token in [
        format!("ghp_{key}"),
        format!("gho_{key}"),
        format!("ghs_{key}"),
        format!("github_pat_{key}"),
        "glpat-aB3dE6gH9jK2mN5pQ8s".to_owned(),
        format!("npm_{key}"),
        "sk_live_4eC39HqLyjWDarjtT1".to_owned(),
        format!("AIzaSyA{key}"),
        "xoxb-123456789012-abcdef".to_owned(),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl".to_owned(),
        format!("hvs.{key}"),
        format!("dckr_pat_{key}"),
    ] {
        assert_eq!(redact(&format!("using {token}, fine")), "using [hidden], fine", "{token}");
    }
    assert_eq!(
        redact("POST https://hooks.slack.com/services/T0/B0/xyz ok"),
        "POST https://hooks.slack.com/services/[hidden] ok"
    );
}

#[test]
fn a_private_key_is_hidden_whichever_part_of_it_is_there() {
    let begin = "-----BEGIN RSA PRIVATE KEY-----";
    let end = "-----END RSA PRIVATE KEY-----";
    for (text, shown) in [
        (format!("a\n{begin}\nMIIE\n{end}\nb"), "a\n[hidden]\nb"),
        (format!("a\n{begin}\nMIIE"), "a\n[hidden]"),
        (format!("MIIE\nMIIE\n{end}\nb"), "[hidden]\nb"),
        (format!("MIIE\n{end}\n{begin}\nMIIE"), "[hidden]\n[hidden]"),
        (
            format!(r#"{{"private_key": "{begin}\nMIIE\n{end}\n", "x": 1}}"#),
            r#"{"private_key": [hidden], "x": 1}"#,
        ),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx".to_owned(), "[hidden]"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nx".to_owned(), "[hidden]"),
    ] {
        assert_eq!(redact(&text), shown);
    }
}

#[test]
fn an_ordinary_log_stays_as_it_is() {
    for line in [
        "Traceback (most recent call last):",
        "  File \"/usr/lib/python3/dist-packages/auth/token.py\", line 12, in verify_access_token",
        "ModuleNotFoundError: No module named 'flask'",
        "KeyError: 'DB_PASS'",
        "    at TokenService.verify (/app/node_modules/@babel/core/lib/token.js:12:34)",
        "    at com.example.auth.TokenService.verify(TokenService.java:42)",
        "com.example.TokenExpiredException: it is over",
        "thread 'main' panicked at src/secrets.rs:10:5: called `Option::unwrap()`",
        "core::panicking::panic_fmt::h0123456789abcdef",
        "goroutine 1 [running]: main.main() /app/internal/token/token.go:55 +0x1d",
        "GET http://127.0.0.1:8080/healthz 200",
        "http://localhost:5173/@vite/client and http://localhost:5173/node_modules/@babel/core.js",
        "listening on 0.0.0.0:8080, [::1]:8080 and 10.244.0.17",
        "image ghcr.io/octo-org/hello-world:0123456789abcdef0123456789abcdef01234567",
        "ghcr.io/x@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 0123456 of 0123456789abcdef0123456789abcdef01234567",
        "pod preview-pr-12-7d9f8b6c5d-x2k4q in preview-hello-world-60eca836ec-pr-12-0123456",
        "volume kube-api-access-x8f2k, request 123e4567-e89b-12d3-a456-426614174000",
        "couldn't find key DB_PASS in Secret preview-hello-world/app-credentials",
        "Access denied for user 'app'@'10.0.0.1' (using password: YES)",
        "SyntaxError: Unexpected token } in JSON at position 12",
        "secrets \"db-password\" not found",
        "the app uses basic authentication",
        "Error: INSTALLATION FAILED: failed pre-install: resource Job/preview-x/migrate not ready. status: Failed",
        "primary_key: id, foreign_key: user_id, cache key: x",
        "AbstractSingletonProxyFactoryBeanConfiguration PREVIEW_REPOSITORY_CHARTS_ALLOWED_PREFIXES",
        "DB_PASS=undefined, tokenExpiry=3600, PASSWORD_FILE=/run/secrets/db",
        "tests passed: 12, bypass: 3, author: mona",
        "2026-11-25T19:05:33.123456Z INFO x86_64-unknown-linux-gnu ===== ---------------------- ____________________",
    ] {
        assert_eq!(redact(line), line);
    }
}

#[test]
fn the_cut_comes_after_the_redaction() {
    let key =
        format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----", "MIIEvQIBADANBg\n".repeat(60));
    let log = format!("starting\n{key}\nfailed");
    let tail = Redacted::of(&log).tail(50, 8 * 1024).expect("a tail");
    assert_eq!(tail.as_str(), "starting\n[hidden]\nfailed");
    assert_eq!(Redacted::of("a\nb\nc\n").tail(2, 100).expect("a tail").as_str(), "b\nc");
    assert_eq!(Redacted::of("äöü").tail(9, 3).expect("a tail").as_str(), "ü");
    assert_eq!(Redacted::of(" \n").tail(9, 9), None);
    assert_eq!(Redacted::of("abcdefghij").ends(2, 3).as_str(), "ab\n...\nhij");
}

#[test]
fn the_work_is_bounded_and_a_cut_line_is_left_out() {
    let line = "password=hunter2 ".repeat(INPUT_MAX / 10);
    assert_eq!(redact(&line), "");
    assert_eq!(redact(&format!("{line}\nnext")), "next");
}

fn random_text() -> impl Strategy<Value = String> {
    "[A-Za-z0-9]{32,60}|[A-Za-z0-9_-]{36,60}|[0-9a-f]{48}|[0-9a-f]{64}|[A-Za-z0-9+/]{60}=="
}

#[test]
fn all_but_one_in_hundreds_of_random_texts_are_hidden() {
    let mut runner = TestRunner::deterministic();
    let mut text = || random_text().new_tree(&mut runner).expect("a text").current();
    let shown: Vec<_> = (0..2_000).map(|_| text()).filter(|text| redact(text) != "[hidden]").collect();
    assert!(shown.len() <= 6, "{shown:?}");
}

/// Where a secret is put: its class, and how it is written down.
fn any_secret() -> impl Strategy<Value = (String, String)> {
    let random =
        random_text().prop_filter("one in a thousand looks like words", |text| redact(text) != *text);
    let value = "[A-Za-z0-9,;&@:/#$%^*()+=!?.~-]{6,30}";
    let name = select(vec![
        "DB_PASS",
        "Pwd",
        "AccountKey",
        "SMTP_PASS",
        "ENCRYPTION_KEY",
        "POSTGRES_PASSWORD",
        "client_secret",
        "apiKey",
        "aws.secret_access_key",
        "X-Api-Key",
        "authToken",
        "PGPASSWORD",
        "mysqlPwd",
    ]);
    let separator = select(vec!["=", ": ", ":", " = ", " => "]);
    let assigned = (name.clone(), separator, value)
        .prop_map(|(name, separator, value)| (format!("{name}{separator}x{value}"), format!("x{value}")));
    let quoted = (name.clone(), "[A-Za-z0-9 ,;&@:/]{6,30}", select(vec!['"', '\''])).prop_map(
        |(name, value, quote)| {
            (format!("{quote}{name}{quote}: {quote}x{value}y{quote}"), format!("x{value}y"))
        },
    );
    let flag = (select(vec!["--password", "--db-pass", "--token"]), value)
        .prop_map(|(flag, value)| (format!("{flag} x{value}"), format!("x{value}")));
    let header = (
        select(vec!["Cookie", "Set-Cookie", "Authorization", "proxy-authorization"]),
        "[A-Za-z0-9=; ]{6,40}",
    )
        .prop_map(|(header, value)| (format!("{header}: x{value}y"), format!("x{value}y")));
    let address = (
        select(vec!["postgres", "redis", "https", "amqp"]),
        "[A-Za-z][A-Za-z0-9@:/#?!.,;&=+-]{6,20}[a-z]",
    )
        .prop_map(|(scheme, password)| (format!("{scheme}://app:{password}@db.example.com/x"), password));
    let key = ("[A-Za-z0-9+/]{64}", 1usize..80).prop_map(|(line, lines)| {
        let body = format!("{line}\n").repeat(lines);
        (format!("-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----"), line)
    });
    let token = (
        select(vec![
            "ghp_",
            "gho_",
            "ghs_",
            "github_pat_",
            "glpat-",
            "npm_",
            "sk_live_",
            "AIzaSyA",
            "hvs.",
        ]),
        "[A-Za-z0-9]{36}",
    )
        .prop_map(|(prefix, rest)| (format!("{prefix}{rest}"), rest));
    prop_oneof![
        random.prop_map(|random: String| (random.clone(), random)),
        assigned,
        quoted,
        flag,
        header,
        address,
        key,
        token,
    ]
}

/// Lines that a program prints, without a secret.
fn harmless() -> impl Strategy<Value = String> {
    let word = "[a-z]{2,9}";
    prop_oneof![
        vec(word, 1..8).prop_map(|words| words.join(" ")),
        "[0-9a-f]{40}",
        "[0-9a-f]{7}",
        "sha256:[0-9a-f]{64}",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "preview-pr-[1-9]{1,4}-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}",
        "preview-hello-world-[a-z2-7]{16}-pr-[1-9]{1,4}-[0-9a-f]{7}",
        "[1-9][0-9]?\\.[1-9][0-9]?\\.[1-9][0-9]?\\.[1-9][0-9]?:[1-9][0-9]{1,4}",
        select(vec![
            "/usr/lib/python3/dist-packages/flask/app.py",
            "    at Module._compile (node:internal/modules/cjs/loader:1105:14)",
            "  File \"/app/hello_world/__main__.py\", line 12, in <module>",
            "RuntimeError: the database is not there",
            "INFO 2026-11-25T10:11:12Z listening on [::]:8080",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn no_secret_survives_wherever_it_stands_and_wherever_the_cut_falls(
        (written, secret) in any_secret(),
        before in vec(harmless(), 0..4),
        after in vec(harmless(), 0..4),
        (lines, bytes) in (1usize..60, 1usize..400),
    ) {
        let text = [before.join("\n"), written, after.join("\n")].join("\n");
        let redacted = Redacted::of(&text);
        let cut = redacted.tail(lines, bytes).map(Redacted::into_string).unwrap_or_default();
        for shown in [redacted.as_str(), &cut, redacted.ends(bytes, bytes).as_str()] {
            for start in 0..secret.len().saturating_sub(5) {
                let part = &secret[start..start + 6];
                prop_assert!(!shown.contains(part), "{part} of {secret} in {shown}");
            }
        }
    }

    #[test]
    fn of_a_key_whose_beginning_was_lost_nothing_is_shown(line in "[A-Za-z0-9+/]{64}", lines in 1usize..80, after in harmless()) {
        let text = format!("{}-----END RSA PRIVATE KEY-----\n{after}", format!("{line}\n").repeat(lines));
        prop_assert_eq!(redact(&text), format!("[hidden]\n{after}"));
    }

    #[test]
    fn harmless_text_stays_as_it_is(lines in vec(harmless(), 1..8)) {
        let text = lines.join("\n");
        prop_assert_eq!(redact(&text), text);
    }

    #[test]
    fn any_text_is_read(text in "(?s).{0,300}") {
        let redacted = Redacted::of(&text);
        let _ = (redacted.tail(3, 50), redacted.ends(5, 5));
    }
}
