// Reads with npm tedious: one JSON line a query. Arguments: port, user, password, tls (on|off), then queries.
// A value comes out as text: dates with all their 100 ns digits, buffers as hex, everything else as String() makes it.
import { Connection, Request } from 'tedious';

const [port, userName, password, tls, ...queries] = process.argv.slice(2);

function text(value) {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString('hex').toUpperCase();
  if (value instanceof Date) {
    const rest = Math.round((value.nanosecondsDelta ?? 0) * 1e7).toString().padStart(4, '0');
    return value.toISOString().replace('T', ' ').replace('Z', rest);
  }
  return String(value);
}

const connection = new Connection({
  server: '127.0.0.1',
  authentication: { type: 'default', options: { userName, password } },
  options: {
    port: Number(port), database: 'Core', encrypt: tls === 'on', trustServerCertificate: true, serverName: "localhost",
    useUTC: true, packetSize: Number(process.env.PACKET_SIZE), connectTimeout: 20000, requestTimeout: 60000,
  },
});

function run(sql) {
  return new Promise((resolve) => {
    const rows = [];
    const request = new Request(sql, (error, count) => resolve(error ? { error: error.number ?? error.code, message: error.message, rows } : { count, rows }));
    request.on('row', (columns) => rows.push(columns.map((column) => text(column.value))));
    if (sql.includes('wait-for-me')) request.setTimeout(1000);
    if (sql.startsWith('exec ')) connection.execSqlBatch(request);
    else connection.execSql(request);
  });
}

connection.connect(async (error) => {
  if (error) {
    const cause = error.errors ? error.errors[0] : error;
    console.log(JSON.stringify({ connect: cause.code, number: cause.number ?? null }));
    process.exit(3);
  }
  for (const sql of queries) console.log(JSON.stringify(await run(sql)));
  connection.close();
});
