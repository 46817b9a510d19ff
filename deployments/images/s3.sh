#!/bin/sh
# SeaweedFS with one identity, whose keys come from the environment.
set -eu
: "${AWS_ACCESS_KEY_ID:?fill in compose.env}" "${AWS_SECRET_ACCESS_KEY:?fill in compose.env}"
cat >/tmp/s3.json <<JSON
{"identities": [{"name": "matteflow",
  "credentials": [{"accessKey": "$AWS_ACCESS_KEY_ID", "secretKey": "$AWS_SECRET_ACCESS_KEY"}],
  "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
exec weed server -dir=/data -s3 -s3.config=/tmp/s3.json -master.telemetry=false
