#!/bin/sh
# A session by curl: open it, send two jobs, wait, read a result, close it, and see what it cost.
#
# Run it in a shell where eval "$(.venv/bin/python manage.py client --shell)" was done.
set -eu

api() {
    method=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --request "$method" "$QISKIT_IBM_URL$path" \
        --header "Authorization: apikey $QISKIT_IBM_TOKEN" --header "Service-CRN: $QISKIT_IBM_INSTANCE" \
        --header "IBM-API-Version: 2026-04-15" --header "Content-Type: application/json" "$@"
}
# The text of a member of a JSON object; where jq is at hand, "jq -r .id" does it better.
member() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

backend=${QUANTUMSVC_BACKEND:-demo_nairobi}
# A Bell pair in the gates of the device. \" and \n because it goes into JSON.
circuit='OPENQASM 3.0; include \"stdgates.inc\"; qubit[2] q; bit[2] meas;
rz(pi/2) q[0]; sx q[0]; rz(pi/2) q[0]; cx q[0], q[1]; meas = measure q;'
circuit=$(printf '%s' "$circuit" | tr '\n' ' ')

session=$(api POST /sessions --data "{\"backend\":\"$backend\",\"mode\":\"dedicated\",\"max_ttl\":\"5m\"}" | member id)
echo "session $session"

submit() {
    api POST /jobs --data "{\"program_id\":\"sampler\",\"backend\":\"$backend\",\"session_id\":\"$session\",
        \"tags\":[\"curl\"],\"params\":{\"version\":2,\"pubs\":[[\"$circuit\",null,$1]]}}" | member id
}
first=$(submit 100)
second=$(submit 200)
api PATCH "/sessions/$session" --data '{"accepting_jobs":false}'

for job in "$first" "$second"; do
    status=Queued
    while [ "$status" = Queued ] || [ "$status" = Running ]; do
        # The answer comes when the state changes, or after half a second.
        status=$(api GET "/jobs/$job?exclude_params=true" | member status)
    done
    echo "job $job: $status"
done
echo "result: $(api GET "/jobs/$first/results" | cut -c 1-60)..."
echo "charged: $(api GET "/sessions/$session" | member elapsed_time) s"
api GET "/workloads?limit=1"
echo
