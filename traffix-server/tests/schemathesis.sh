#!/bin/sh
# Tests a running server against its own OpenAPI document.
#
#   BASE_URL=http://127.0.0.1:8080 API_KEY=trfx_live_... traffix-server/tests/schemathesis.sh
#
# The key must be a moderator's: writes are exercised. Use a throw-away database (`cargo run -p traffix-server
# --example sample_server` prints both variables), without rate limits (TRAFFIX__LIMITS__ENABLED=false).
# One worker, because two would delete each other's entries. In the random part the check of created resources is off: a
# POST that repeats an Idempotency-Key gets its first answer again, 201, even if the entry was deleted since.
# SECONDS_MAX bounds the run. Needs python3 and, once, the package index.
set -eu
: "${BASE_URL:?address of the server}" "${API_KEY:?a moderator key}"
VERSION=4.32.5
here=$(dirname "$0")
venv=${SCHEMATHESIS_VENV:-${CARGO_TARGET_DIR:-$here/../../target}/schemathesis-$VERSION}
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION"
fi
run() {
    "$venv/bin/schemathesis" --config-file "$here/schemathesis.toml" run \
        "$BASE_URL/api/v1/openapi.json" \
        --header "Authorization: Bearer $API_KEY" --checks all "$@" \
        --workers 1 --seed "${SEED:-1}" --request-timeout 30 --no-color --suppress-health-check all
}
# Every rule of the document, kept and broken.
run --phases examples,coverage --max-time 120
# Random requests and sequences of them. A header's outer blanks are gone before the server sees it, so a random value that
# breaks a pattern only by them is rightly accepted.
run --phases fuzzing,stateful --max-time "${SECONDS_MAX:-90}" --max-examples "${EXAMPLES:-30}" \
    --exclude-checks ensure_resource_availability,negative_data_rejection
