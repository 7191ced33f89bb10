#!/usr/bin/env python3
"""Clients that are not ours against weir-tds: FreeTDS's tsql, bsqldb and ODBC driver (isql), and npm tedious.

Every type with its values is described once, in CASES; the description file for the server and what each client must show come
from there. Usage: run.py PATH-OF-weir-tds. A client that is not installed is skipped with a line that says so.
"""
import ctypes
import ctypes.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "Cl1ents'+pass"
LIMIT = 60

# (type, value as described, as ODBC text shows it, as tedious shows it). A missing text is the described one. FreeTDS writes the
# year 1 as "1", and JavaScript has only doubles for decimals: that is theirs.
CASES = [
    ("bit", "1", "1", "true"), ("bit", "0", "0", "false"),
    ("tinyint", "255"), ("tinyint", "0"),
    ("smallint", "-32768"), ("smallint", "32767"),
    ("int", "-2147483648"), ("int", "2147483647"),
    ("bigint", "-9223372036854775808"), ("bigint", "9223372036854775807"),
    ("decimal(9,2)", "-1234567.89"), ("decimal(18,4)", "12345678901234.5678", None, "12345678901234.568"),
    ("numeric(38,0)", "-99999999999999999999999999999999999999", None, "-1e+38"),
    ("decimal(38,38)", "0.00000000000000000000000000000000000001", None, "1e-38"),
    ("decimal(28,10)", "123456789012345678.0123456789", None, "123456789012345660"),
    ("money", "-922337203685477.5808", None, "-922337203685477.6"), ("money", "0.0001", "0.0001", "0.0001"),
    ("smallmoney", "-214748.3648"), ("smallmoney", "214748.3647"),
    ("real", "-1.5", "-1.5", "-1.5"), ("float", "-1.7976931348623157e308", "-1.7976931348623157e+308", "-1.7976931348623157e+308"),
    ("float", "0.1", "0.10000000000000001", "0.1"),
    ("date", "0001-01-01", "1-01-01", "0001-01-01 00:00:00.0000000"), ("date", "9999-12-31", "9999-12-31", "9999-12-31 00:00:00.0000000"),
    ("time(7)", "23:59:59.9999999", "23:59:59.9999999", "1970-01-01 23:59:59.9999999"), ("time(0)", "12:34:56", "12:34:56", "1970-01-01 12:34:56.0000000"),
    ("smalldatetime", "2079-06-06 23:59", "2079-06-06 23:59:00", "2079-06-06 23:59:00.0000000"),
    ("datetime", "1753-01-01", "1753-01-01 00:00:00.000", "1753-01-01 00:00:00.0000000"),
    ("datetime", "9999-12-31 23:59:59.997", "9999-12-31 23:59:59.997", "9999-12-31 23:59:59.9970000"),
    ("datetime2(7)", "9999-12-31 23:59:59.9999999", "9999-12-31 23:59:59.9999999", "9999-12-31 23:59:59.9999999"),
    ("datetime2(3)", "2020-02-29 01:02:03.456", "2020-02-29 01:02:03.456", "2020-02-29 01:02:03.4560000"),
    ("datetimeoffset(7)", "2020-05-06 07:08:09.1234567 -05:30", "2020-05-06 07:08:09.1234567 -05:30", "2020-05-06 12:38:09.1234567"),
    ("datetimeoffset(0)", "2020-05-06 07:08:09 +14:00", "2020-05-06 07:08:09 +14:00", "2020-05-05 17:08:09.0000000"),
    ("char(5)", "ab", "ab   ", "ab   "), ("varchar(20)", "Zürich"), ("varchar(20)", ""),
    ("varchar(20) COLLATE Cyrillic_General_CI_AS", "Москва"), ("varchar(20) COLLATE Greek_CI_AS", "Αθήνα"),
    ("varchar(20) COLLATE Polish_CI_AS", "Łódź"), ("varchar(max)", "long " * 2000, None, None),
    ("text", "old text"), ("nchar(4)", "ab", "ab  ", "ab  "), ("nvarchar(30)", "日本語 🌊 عرب"), ("nvarchar(max)", "ünï" * 3000, None, None),
    ("ntext", "old ünï"), ("xml", "<a b=\"1\">ü</a>"),
    ("binary(4)", "0x0102", "01020000", "01020000"), ("varbinary(10)", "0xFF0080", "ff0080", "FF0080"), ("varbinary(max)", "0x" + "AB" * 9000, "AB" * 9000, "AB" * 9000),
    ("image", "0x0001FF", "0001ff", "0001FF"),
    ("uniqueidentifier", "01234567-89AB-CDEF-0123-456789ABCDEF"),
    ("sql_variant", "a text in a variant"),
]
CASTS = [  # described type, value, what weir selects, the text
    ("hierarchyid", "/1/2/79/", "{c}.ToString()", "/1/2/79/"),
    ("geography", "POINT (8.55 47.37)", "{c}.AsBinaryZM()", "01010000009A99999999192140" + "8FC2F5285CAF4740"),
    ("geography", "POINT (8.55 47.37)", "{c}.STSrid", "4326"),
    ("varchar(20) COLLATE Japanese_CI_AS", "日本", "CONVERT(nvarchar(20), {c})", "日本"),
    ("sql_variant", "abc", "CONVERT(nvarchar(4000), {c})", "abc"),
]


def expected(case, client):
    value = case[1]
    shown = case[2 if client == "odbc" else 3] if len(case) > (2 if client == "odbc" else 3) else None
    return value if shown is None else shown


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def write_description(path, nbcrow, plp_unknown):
    lines = ["database: Core", "users:", f"  - {{name: tester, password: {quoted(PASSWORD)}}}", "tables:"]
    lines += ["  - name: dbo.Types", f"    nbcrow: {str(nbcrow).lower()}", f"    plp_unknown: {str(plp_unknown).lower()}", "    columns:", "      - Id int not null"]
    every = CASES + CASTS
    lines += [f"      - {quoted(f'c{i} {case[0]}')}" for i, case in enumerate(every)]
    lines += ["    primary_key: [Id]", "    rows:"]
    lines += ["      - [1, " + ", ".join(quoted(case[1]) for case in every) + "]", "      - [2" + ", null" * len(every) + "]"]
    lines += ["  - name: dbo.Many", "    columns:", "      - {name: Id, type: int, identity: true}",
              "      - {name: Name, type: nvarchar(60), generate: {pattern: \"row {row} {words:4}\"}}", "    count: 20000"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Server:
    def __init__(self, program, folder, tls="optional", nbcrow=False, plp_unknown=False):
        description = folder / "types.yml"
        write_description(description, nbcrow, plp_unknown)
        self.process = subprocess.Popen([program, "--database", str(description), "--tls", tls, "--log", str(folder / "server.log"), "--until-stdin-closes"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on 127.0.0.1:"):
            raise SystemExit(f"weir-tds did not start: {line!r}")
        self.port = line.rsplit(":", 1)[1].strip()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.stdin.close()
        if self.process.wait(LIMIT) != 0:
            raise SystemExit(f"weir-tds ended with status {self.process.returncode}")


class Report:
    def __init__(self):
        self.failures = 0
        self.checks = 0
        self.skipped = []

    def same(self, what, got, want):
        self.checks += 1
        if got != want:
            self.failures += 1
            print(f"FAIL {what}\n  got:  {str(got)[:300]!r}\n  want: {str(want)[:300]!r}")

    def has(self, what, text, part):
        self.checks += 1
        if part not in text:
            self.failures += 1
            print(f"FAIL {what}: {part!r} is not in {text[:500]!r}")

    def skip(self, what):
        self.skipped.append(what)
        print(f"SKIPPED: {what}")


def run(words, stdin="", env=None):
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=LIMIT, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout + done.stderr


def freetds_env(folder, encryption="request"):
    path = folder / f"freetds-{encryption}.conf"
    path.write_text(f"[global]\n tds version = 7.4\n client charset = UTF-8\n encryption = {encryption}\n text size = 4294967295\n", encoding="utf-8")
    return {"FREETDSCONF": str(path)}


def tsql(server, env, sql, password=PASSWORD, version=None):
    words = ["tsql", "-H", "127.0.0.1", "-p", server.port, "-U", "tester", "-P", password, "-D", "Core", "-o", "q"]
    if version:
        env = {**env, "TDSVER": version}
    return run(words, "".join(f"{one}\ngo\n" for one in sql), env)[1]


def check_tsql(report, program, folder):
    if not shutil.which("tsql"):
        return report.skip("tsql is not installed (freetds-bin)")
    env = freetds_env(folder)
    with Server(program, folder) as server:
        # tsql shows character data as it is; the other types go through text on the server.
        texts = [i for i, case in enumerate(CASES) if "char" in case[0] and len(case[1]) < 100 and case[1]]
        out = tsql(server, env, [f"select c{i} from dbo.Types where Id = 1" for i in texts])
        for i in texts:
            report.has(f"tsql {CASES[i][0]}", out, expected(CASES[i], "odbc").rstrip())
        out = tsql(server, env, [f"select {cast.format(c=f'c{i}')} from dbo.Types where Id = 1" for i, (_, _, cast, _) in enumerate(CASTS, len(CASES)) if "AsBinary" not in cast])
        for _, _, cast, want in CASTS:
            if "AsBinary" not in cast:
                report.has(f"tsql {cast}", out, want)
        report.has("bad password", tsql(server, env, ["select 1"], password="wrong"), "Login failed for user 'tester'")
        for version in ("7.1", "7.2", "7.3", "7.4"):
            out = tsql(server, env, ["select count(*), max(Name) from dbo.Many where Id <= 9", "select c4 from dbo.Types"], version=version)
            report.has(f"TDS {version}", out, "9\trow 9")
        for size in (4096, 32767):
            sized = folder / f"packets-{size}.conf"
            sized.write_text(pathlib.Path(env["FREETDSCONF"]).read_text() + f" initial block size = {size}\n", encoding="utf-8")
            out = tsql(server, {"FREETDSCONF": str(sized)}, ["select Id, Name from dbo.Many", f"select c{len(CASES) - 1} from dbo.Types"])
            report.same(f"rows in packets of {size}", out.count("\trow "), 20000)
            report.has(f"packets of {size}", (folder / "server.log").read_text(), f" packet={size}")
    for mode, encryption, works in (("required", "require", True), ("required", "off", False), ("off", "off", True), ("off", "require", False), ("optional", "require", True)):
        with Server(program, folder, tls=mode) as server:
            out = tsql(server, freetds_env(folder, encryption), ["select 'it ' + 'works'"])
            report.same(f"TLS server {mode}, tsql {encryption}", "it works" in out, works)


def check_bsqldb(report, program, folder):
    if not shutil.which("bsqldb"):
        return report.skip("bsqldb is not installed (freetds-bin)")
    # db-lib knows servers by the name in its configuration.
    with Server(program, folder) as server:
        path = folder / "bsqldb.conf"
        path.write_text(f"[weirtds]\n host = 127.0.0.1\n port = {server.port}\n tds version = 7.4\n client charset = UTF-8\n", encoding="utf-8")
        _, out = run(["bsqldb", "-S", "weirtds", "-U", "tester", "-P", PASSWORD, "-D", "Core", "-q", "-t", "|"],
                     "select Id, Name from dbo.Many where Id between 19998 and 20000\ngo\nselect count(*) from dbo.Many\ngo\n", {"FREETDSCONF": str(path)})
        report.has("bsqldb rows", out, "row 20000")
        report.has("bsqldb count", out, "20000")


def odbc_driver():
    for path in pathlib.Path("/usr/lib").glob("*/odbc/libtdsodbc.so"):
        return path
    return None


def check_odbc(report, program, folder):
    driver = odbc_driver()
    if not shutil.which("isql") or driver is None:
        return report.skip("isql with FreeTDS's ODBC driver is not installed (unixodbc, tdsodbc)")
    for nbcrow in (False, True):
        with Server(program, folder, nbcrow=nbcrow, plp_unknown=nbcrow) as server:
            dsn = f"Driver={driver};Server=127.0.0.1;Port={server.port};UID=tester;PWD={{{PASSWORD}}};Database=Core;TDS_Version=7.4;ClientCharset=UTF-8;TextSize=2147483647"
            wanted = [i for i, case in enumerate(CASES) if len(expected(case, "odbc")) < 280 and case[0] != "text" and case[1]]
            queries = "".join(f"select c{i}, Id from dbo.Types order by Id\n" for i in wanted)
            _, out = run(["isql", "-b", "-d|", "-k", dsn], queries)
            lines = [line for line in out.split("\n") if line]
            if len(lines) != 2 * len(wanted):
                report.same(f"isql lines (nbcrow {nbcrow})", "\n".join(lines[:20]), f"{2 * len(wanted)} lines")
                continue
            for k, i in enumerate(wanted):
                report.same(f"isql {CASES[i][0]} {CASES[i][1]}", lines[2 * k], expected(CASES[i], "odbc") + "|1")
                report.same(f"isql {CASES[i][0]} NULL", lines[2 * k + 1], "|2")
    with Server(program, folder, tls="required") as server:
        dsn = f"Driver={driver};Server=127.0.0.1;Port={server.port};UID=tester;PWD=wrong;Database=Core;TDS_Version=7.4;Encryption=require"
        report.has("isql bad password under TLS", run(["isql", "-b", "-v", "-k", dsn])[1], "Login failed")


def check_cursors(report, program, folder):
    """Static server cursors (sp_cursoropen, sp_cursorfetch, sp_cursorclose), which FreeTDS's ODBC driver uses when it is asked to scroll."""
    driver, manager = odbc_driver(), ctypes.util.find_library("odbc")
    if driver is None or manager is None:
        return report.skip("FreeTDS's ODBC driver or unixODBC is not installed: server cursors are not tried")
    odbc = ctypes.CDLL(manager)
    pointer, null = ctypes.c_void_p, None
    alloc = lambda kind, parent: (made := pointer(), odbc.SQLAllocHandle(kind, parent, ctypes.byref(made)))[0]
    with Server(program, folder) as server:
        environment = alloc(1, null)
        odbc.SQLSetEnvAttr(environment, 200, pointer(3), 0)  # ODBC 3
        connection = alloc(2, environment)
        dsn = f"Driver={driver};Server=127.0.0.1;Port={server.port};UID=tester;PWD={{{PASSWORD}}};Database=Core;TDS_Version=7.4;ClientCharset=UTF-8".encode()
        report.same("cursors connect", odbc.SQLDriverConnect(connection, null, dsn, len(dsn), null, 0, null, 0) in (0, 1), True)
        statement = alloc(3, connection)
        odbc.SQLSetStmtAttr(statement, 6, pointer(3), 0)  # a static cursor
        report.same("cursor opens", odbc.SQLExecDirect(statement, b"select Id from dbo.Many where Id <= 50 order by Id", -3) in (0, 1), True)
        for what, kind, offset, want in (("first", 2, 0, 1), ("next", 1, 0, 2), ("absolute", 5, 40, 40), ("last", 3, 0, 50), ("beyond", 1, 0, None)):
            value, length = ctypes.c_int(0), ctypes.c_ssize_t(0)
            fetched = odbc.SQLFetchScroll(statement, kind, ctypes.c_ssize_t(offset)) in (0, 1)
            if fetched:
                odbc.SQLGetData(statement, 1, -16, ctypes.byref(value), 4, ctypes.byref(length))
            report.same(f"cursor {what}", value.value if fetched else None, want)
        for call in ("sp_cursoropen", "sp_cursorfetch"):
            report.has(f"cursor by {call}", (folder / "server.log").read_text(), f" rpc {call}")
        for kind, handle in ((3, statement), (2, connection), (1, environment)):
            if kind == 2:
                odbc.SQLDisconnect(handle)
            odbc.SQLFreeHandle(kind, handle)


def tedious_ready(report):
    if not shutil.which("node"):
        report.skip("node is not installed: tedious is not tried")
        return False
    if (HERE / "node_modules" / "tedious").is_dir():
        return True
    done = subprocess.run(["npm", "ci", "--no-fund", "--no-audit"], cwd=HERE, capture_output=True, text=True, timeout=300) if shutil.which("npm") else None
    if done is None or done.returncode != 0:
        report.skip("npm ci could not install tedious")
        return False
    return True


def tedious(server, password, tls, queries, packet_size=4096):
    done = subprocess.run(["node", "--no-deprecation", str(HERE / "read.mjs"), server.port, "tester", password, tls, *queries], capture_output=True, text=True, timeout=LIMIT,
                          env={**os.environ, "PACKET_SIZE": str(packet_size)})
    return [json.loads(line) for line in done.stdout.splitlines()] or [{"crashed": done.stderr}]


def check_tedious(report, program, folder):
    if not tedious_ready(report):
        return
    for tls, nbcrow in (("off", False), ("on", True)):
        with Server(program, folder, nbcrow=nbcrow, plp_unknown=nbcrow) as server:
            columns = ", ".join(f"c{i}" for i in range(len(CASES)))
            casts = ", ".join(cast.format(c=f"c{i}") for i, (_, _, cast, _) in enumerate(CASTS, len(CASES)))
            results = tedious(server, PASSWORD, tls, [f"select {columns} from dbo.Types order by Id", f"select {casts} from dbo.Types where Id = 1",
                                                      "select count_big(*) from dbo.Many", "select Id, Name from dbo.Many", "select nope from dbo.Many"])
            report.same(f"tedious answers (tls {tls})", len(results), 5)
            if len(results) != 5 or len(results[0].get("rows", [])) != 2:
                report.same("tedious types", results[0], "two rows")
                continue
            for i, case in enumerate(CASES):
                report.same(f"tedious {case[0]} {case[1][:40]} (tls {tls})", results[0]["rows"][0][i], expected(case, "tedious"))
                report.same(f"tedious {case[0]} NULL", results[0]["rows"][1][i], None)
            report.same("tedious casts", results[1]["rows"][0], [want for _, _, _, want in CASTS])
            report.same("tedious count", results[2]["rows"], [["20000"]])
            report.same("tedious rows", len(results[3]["rows"]), 20000)
            report.same("tedious invalid column", results[4].get("error"), 207)
            report.same("tedious bad password", tedious(server, "wrong", tls, ["select 1"])[0].get("connect"), "ELOGIN")
    with Server(program, folder) as server:
        for size in (512, 32767):
            results = tedious(server, PASSWORD, "off", ["select Id, Name from dbo.Many", f"select {columns} from dbo.Types order by Id"], size)
            report.same(f"tedious rows in packets of {size}", len(results[0].get("rows", [])), 20000)
            for i, case in enumerate(CASES):
                report.same(f"tedious {case[0]} in packets of {size}", results[1]["rows"][0][i], expected(case, "tedious"))
            report.has(f"tedious packets of {size}", (folder / "server.log").read_text(), f" packet={size}")
    with Server(program, folder, tls="required") as server:
        report.same("tedious against TLS required", tedious(server, PASSWORD, "on", ["select 7"])[0].get("rows"), [["7"]])


def check_faults(report, program, folder):
    """What each fault looks like to FreeTDS; the connection that it breaks is not the next one's."""
    if not shutil.which("tsql"):
        return report.skip("tsql is not installed (freetds-bin): faults are not tried")
    env = freetds_env(folder)
    read = "select Id, Name from dbo.Many"
    with Server(program, folder) as server:
        for close in ("between_rows", "inside_row", "inside_packet"):
            out = tsql(server, env, [f"exec weir_fault N'{{table: dbo.Many, after_rows: 5000, close: {close}, times: 1}}'", read])
            report.has(f"fault close {close}", out, "Unexpected EOF from the server")
            report.has(f"rows before close {close}", out, "row 4000 ")
            report.same(f"no row after close {close}", "row 5002 " in out, False)
        out = tsql(server, env, ["exec weir_fault N'{table: dbo.Many, after_rows: 250, error: 601, times: 1}'", read, read])
        report.has("fault error", out, "Msg 601")
        report.has("after the error", out, "row 20000 ")
        out = tsql(server, env, ["exec weir_fault N'{table: dbo.Many, error: 596, times: 1}'", read, "select 'still ' + 'here'"])
        report.has("fault of severity 21", out, "596")
        report.same("session ends at severity 21", "still here" in out, False)
        out = tsql(server, env, ["exec weir_fault N'{table: dbo.Many, execute: \"ALTER TABLE dbo.Many ADD Extra int\", times: 1}'", "select * from dbo.Many where Id = 1"])
        report.has("fault schema change", out, "NULL")
        out = tsql(server, env, ["exec weir_fault N'{query: drip-me, drip: {bytes: 7, ms: 1}, info: 5, times: 1}'", "select top 9 Id, Name from dbo.Many -- drip-me"])
        report.has("fault drip", out, "row 9 ")
        tsql(server, env, ["exec weir_fault N'{refuse_login: true, times: 1}'"])
        report.has("fault login", tsql(server, env, ["select 1"]), "Login failed")
        report.has("next login", tsql(server, env, ["select 'it ' + 'works'"]), "it works")
        if not tedious_ready(report):
            return
        results = tedious(server, PASSWORD, "off", ["exec weir_fault N'{query: wait-for-me, stall: forever, times: 1}'", "select 1 /* wait-for-me */", "select 5"])
        report.same("attention ends a stall", results[1].get("error"), "ETIMEOUT")
        report.same("the session goes on", results[2].get("rows") if len(results) > 2 else None, [["5"]])


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for check in (check_tsql, check_bsqldb, check_odbc, check_cursors, check_faults, check_tedious):
            check(report, program, folder)
    print(f"{report.checks} checks, {report.failures} failed, {len(report.skipped)} clients skipped")
    return 1 if report.failures or report.checks == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
