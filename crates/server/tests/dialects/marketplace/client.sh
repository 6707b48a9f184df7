#!/bin/bash
# A client of `marketplace`, as its text describes the flow: an auction, bids that raise the price,
# the end. It stops at the first thing that is not so.
set -euo pipefail
url=$1
json='content-type: application/json'

is() { [ "$2" = "$3" ] || { echo "$1: $2 and not $3" >&2; exit 1; }; }
put() { curl -sf -X PUT "$url$1" -H "$json" -d "$2"; }
status() { curl -s -o /dev/null -w '%{http_code}' -X "$1" "$url$2" -H "$json" -d "${3:-}"; }

made=$(curl -sf -w '\n%{http_code}' "$url/auctions" -H "$json" -d '{"title": "A kettle",
  "description": "Copper", "starting_price": 10000, "duration": 4}')
is "created" "${made##*$'\n'}" 201
auction=$(head -1 <<<"$made" | jq -e .id)
is "nothing else" "$(head -1 <<<"$made" | jq -c keys)" '["id"]'
is "at first" "$(curl -sf "$url/auctions/$auction" | jq -c '[.status, .starting_price]')" \
  '["active",10000]'

is "the bid" "$(put "/bids/$auction" '{"bidder_username": "anna", "bid_amount": 10000}' |
  jq .current_price)" 10000
seen=$(curl -sf "$url/auctions/$auction" | jq -e .version)
# The other way, which has no place for the auction but in the body; five hundred more.
id=$(put /bids "{\"bidder_username\": \"bruno\", \"bid_amount\": 10500, \"auction_id\": $auction}" |
  jq -e .id)
is "below" "$(status PUT "/bids/$auction" '{"bidder_username": "anna", "bid_amount": 10500}')" 422
is "what was seen is old" "$(status PUT "/bids/$auction" \
  "{\"bidder_username\": \"anna\", \"bid_amount\": 11000, \"version\": $seen}")" 409
is "all bids" "$(curl -sf "$url/bids/$auction" | jq -c 'map([.bidder_username, .price])')" \
  '[["anna",10000],["bruno",10500]]'
is "the second" "$(curl -sf "$url/bids/$auction" | jq '.[1].id')" "$id"

tries=200
until shown=$(curl -sf "$url/auctions/$auction") && [ "$(jq -r .status <<<"$shown")" != active ]; do
  tries=$((tries - 1))
  [ $tries -gt 0 ] || { echo "it never ended" >&2; exit 1; }
  sleep 0.1
done
is "how it ended" "$(jq -r .status <<<"$shown")" won
is "too late" "$(status PUT "/bids/$auction" '{"bidder_username": "anna", "bid_amount": 20000}')" 409
echo "$(jq -r .winner_username <<<"$shown") has it for $(jq .current_price <<<"$shown")"
