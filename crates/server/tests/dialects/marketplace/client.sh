#!/bin/bash
# A client of `marketplace`, as its text describes the flow: an auction, bids that raise the price,
# the end.
. "$(dirname "$0")/../prelude.sh"

made=$(curl -sf -w '\n%{http_code}' "$url/auctions" -H "$json" -d '{"title": "A kettle",
  "description": "Copper", "starting_price": 10000, "duration": 10}')
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

ended() {
  shown=$(curl -sf "$url/auctions/$auction") && [ "$(jq -r .status <<<"$shown")" != active ]
}
until_so "it never ended" ended
is "how it ended" "$(jq -r .status <<<"$shown")" won
is "too late" "$(status PUT "/bids/$auction" '{"bidder_username": "anna", "bid_amount": 20000}')" 409
echo "$(jq -r .winner_username <<<"$shown") has it for $(jq .current_price <<<"$shown")"
