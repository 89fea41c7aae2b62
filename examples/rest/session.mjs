// A session from JavaScript, without Qiskit: circuits in OpenQASM 3, results read by hand.
//
// Run it with Node 18 or newer, in a shell where eval "$(.venv/bin/python manage.py client --shell)" was done:
//     node examples/rest/session.mjs

const { QISKIT_IBM_URL, QISKIT_IBM_TOKEN, QISKIT_IBM_INSTANCE, QUANTUMSVC_BACKEND } = process.env;
const backend = QUANTUMSVC_BACKEND ?? "demo_nairobi";
// A Bell pair, in the gates of the device.
const circuit = `
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[2] meas;
rz(pi/2) q[0]; sx q[0]; rz(pi/2) q[0];
cx q[0], q[1];
meas = measure q;
`;

// One call of the API; what it answers. An error is thrown with the service's own words.
async function call(method, path, body) {
  const answer = await fetch(QISKIT_IBM_URL + path, {
    method,
    body: body && JSON.stringify(body),
    headers: {
      Authorization: `apikey ${QISKIT_IBM_TOKEN}`,
      "Service-CRN": QISKIT_IBM_INSTANCE,
      "IBM-API-Version": "2026-04-15",
      "Content-Type": "application/json",
    },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

// Wait for a job. The call is answered when the state changes, or soon after.
async function resultOf(job) {
  for (;;) {
    const { state } = await call("GET", `/jobs/${job}?exclude_params=true`);
    if (state.status === "Completed") return call("GET", `/jobs/${job}/results`);
    if (!["Queued", "Running"].includes(state.status)) throw new Error(`${state.status}: ${state.reason}`);
  }
}

// The bytes of an ndarray: base64 of zlib of a .npy file, whose header tells its own length.
async function bytesOf(form) {
  const packed = Uint8Array.from(atob(form.__value__), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  return raw.subarray(10 + raw[8] + 256 * raw[9]);
}

// How often which bits were seen; each shot is one byte here, since there are two bits.
async function countsOf(result) {
  const { data } = result.__value__.pub_results[0].__value__;
  const bits = data.__value__.fields.meas.__value__;
  const counts = {};
  for (const shot of await bytesOf(bits.array)) {
    const seen = shot.toString(2).padStart(bits.num_bits, "0");
    counts[seen] = (counts[seen] ?? 0) + 1;
  }
  return counts;
}

const session = (await call("POST", "/sessions", { backend, mode: "dedicated", max_ttl: "5m" })).id;
const params = { version: 2, pubs: [[circuit, null, 1000]] };
const job = { program_id: "sampler", backend, session_id: session, params, tags: ["javascript"] };
const { id } = await call("POST", "/jobs", job);
console.log("counts", JSON.stringify(await countsOf(await resultOf(id))));
await call("PATCH", `/sessions/${session}`, { accepting_jobs: false });
const told = await call("GET", `/sessions/${session}`);
console.log(`session ${session} is ${told.state} and cost ${told.elapsed_time.toFixed(2)} s`);
const { tags } = await call("GET", "/tags?type=job&search=javascript");
console.log("tags", tags.join(", "));
