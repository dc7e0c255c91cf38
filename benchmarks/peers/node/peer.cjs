// node-apn sends the job of argument 1; one JSON line: how many were accepted, in which time, for how much CPU.
const fs = require('fs');
const apn = require('@parse/node-apn');

const LOT = 250; // more recipients at once and Node's HTTP/2 session runs out of its memory
const job = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const provider = new apn.Provider({
  token: { key: job.key, keyId: job.key_id, teamId: job.team_id },
  address: job.host,
  port: job.port,
  ca: [fs.readFileSync(job.ca)],
  requestTimeout: 60000,
});
const push = new apn.Notification({ topic: job.topic, pushType: 'background', priority: 5, rawPayload: job.payload });
const tokens = Array.from({ length: LOT }, (_, at) => ((at + 1) * 7919).toString(16).padStart(64, '0'));

async function rounds(count) {
  let accepted = 0;
  let left = count;
  async function worker() {
    while (left > 0) {
      const lot = tokens.slice(0, Math.min(LOT, left));
      left -= lot.length;
      const result = await provider.send(push, lot);
      accepted += result.sent.length;
    }
  }
  await Promise.all(Array.from({ length: Math.ceil(job.in_flight / LOT) }, worker));
  return accepted;
}

(async () => {
  await rounds(1);
  await rounds(job.warm);
  const began = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const accepted = await rounds(job.count);
  const spent = process.cpuUsage(cpu);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  console.log(JSON.stringify({ accepted, seconds, cpu_s: (spent.user + spent.system) / 1e6 }));
  provider.shutdown();
})();
