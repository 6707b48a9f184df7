# What the clients in shell have in common: they talk JSON to the address that they are given, and
# stop at the first thing that is not so.
set -euo pipefail
url=$1
json='content-type: application/json'

is() { [ "$2" = "$3" ] || { echo "$1: $2 and not $3" >&2; exit 1; }; }
post() { curl -sf "$url$1" -H "$json" -d "$2"; }
put() { curl -sf -X PUT "$url$1" -H "$json" -d "$2"; }
status() { curl -s -o /dev/null -w '%{http_code}' -X "$1" "$url$2" -H "$json" -d "${3:-}"; }

# Asks, half a minute at most: what to say if it never becomes so, and the command that asks.
until_so() {
  local tries=300
  until "${@:2}"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "$1" >&2; exit 1; }
    sleep 0.1
  done
}
