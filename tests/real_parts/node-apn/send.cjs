// Sends one alert to each token of argument 1 (JSON) with node-apn and prints what it says of them.
const [plan] = process.argv.slice(2).map(JSON.parse);
const apn = require('@parse/node-apn');

const provider = new apn.Provider({ token: plan.token, address: 'localhost', port: plan.port, ca: [plan.ca], requestTimeout: 5000 });
const push = new apn.Notification({ topic: plan.topic, pushType: 'alert', alert: 'hello', priority: 10 });
provider.send(push, plan.tokens).then((result) => {
  const failed = Object.fromEntries(result.failed.map((one) => [one.device, `${one.status} ${one.response?.reason}`]));
  console.log(JSON.stringify({ sent: result.sent.map((one) => one.device), failed }));
  provider.shutdown();
});
