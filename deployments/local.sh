#!/bin/sh
# A Prefect server and a worker on this machine: `sh deployments/local.sh up|down|status`.
# Both write only below MATTEFLOW_HOME; the user's own Prefect profile is not changed.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
bin=${MATTEFLOW_BIN:-$here/.venv/bin}
home=${MATTEFLOW_HOME:-$here/matteflow-data}
case $home in /*) ;; *) home=$PWD/$home ;; esac
port=${PREFECT_SERVER_API_PORT:-4200}
prefect=$home/prefect
export MATTEFLOW_HOME="$home" PREFECT_HOME="$home/prefect" PREFECT_SERVER_API_PORT="$port"
export PREFECT_API_URL="http://127.0.0.1:$port/api"
export PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1
mkdir -p "$prefect"

answers() { "$bin/python" -c "import httpx, os; httpx.get(os.environ['PREFECT_API_URL'] + '/health', timeout=2).raise_for_status()" 2>/dev/null; }
runs() { [ -f "$prefect/$1.pid" ] && kill -0 "$(cat "$prefect/$1.pid")" 2>/dev/null; }
# setsid: closing the terminal does not end the process. The loop restarts it after a crash.
start() { # name, arguments of prefect
    name=$1
    shift
    setsid sh -c 'trap "wait; exit" TERM
        while :; do "$@" & wait $! && break; sleep 5; done' \
        sh "$bin/prefect" --no-prompt "$@" >>"$prefect/$name.log" 2>&1 </dev/null &
    echo $! >"$prefect/$name.pid"
}
stop() {
    if runs "$1"; then
        kill -s TERM -- "-$(cat "$prefect/$1.pid")" # the whole session
        n=0
        while runs "$1" && [ $n -lt 10 ]; do n=$((n + 1)); sleep 1; done
        if runs "$1"; then kill -s KILL -- "-$(cat "$prefect/$1.pid")"; fi
    fi
    rm -f "$prefect/$1.pid"
}

up() {
    if ! answers; then
        echo "Starting the Prefect server on port $port."
        start server server start
        n=0
        until answers; do
            n=$((n + 1))
            if [ $n -ge 120 ] || ! runs server; then
                echo "The server did not start; see $prefect/server.log." \
                    "If the port is taken, choose another with PREFECT_SERVER_API_PORT."
                exit 1
            fi
            sleep 1
        done
    fi
    "$bin/python" -m deployments.setup
    runs worker || start worker worker start --pool local --type process
    echo "Prefect runs at http://127.0.0.1:$port. To start an ingest: Deployments, ingest-manual, Quick run."
    echo "Logs are in $prefect. \`make down\` stops server and worker."
}

down() {
    stop worker
    stop server
    echo "Server and worker are stopped. Their data is kept in $home."
}

status() {
    if answers; then echo "The server answers at $PREFECT_API_URL."; else echo "No server answers at $PREFECT_API_URL."; fi
    if runs worker; then echo "A worker runs as process $(cat "$prefect/worker.pid")."; else echo "No worker runs."; fi
}

cd "$here"
case ${1:-} in
up | down | status) "$1" ;;
*) echo "usage: sh deployments/local.sh up|down|status"; exit 2 ;;
esac
