#!/bin/bash
# A client of `cars`: what the admin panel creates, what the bidding app asks for. Times are
# milliseconds.
. "$(dirname "$0")/../prelude.sh"

end=$((($(date +%s) + 12) * 1000))
car=$(post /cars '{"name": "Saab 900", "make": "Saab", "year": 1988}' | jq -e .id)
anna=$(post /users '{"username": "anna"}' | jq -e .id)
bruno=$(post /users '{"username": "bruno"}' | jq -e .id)
later=$(post /auctions "{\"car\": $car, \"start_time\": $((end + 3600000)),
  \"end_time\": $((end + 7200000))}" | jq -e .id)
auction=$(post /auctions "{\"car\": $car, \"end_time\": $end}" | jq -e .id)

# Whoever logs in is a user that there is.
is "who logs in" "$(curl -sf "$url/users?username=bruno" | jq '.[0].id')" "$bruno"
is "who does not" "$(curl -sf "$url/users/count?username=nobody")" 0

# Only what is live is listed.
listed() { [ "$(curl -sf "$url/auctions?car=$car" | jq -c 'map(.id)')" = "[$auction]" ]; }
until_so "it is not listed, or $later is" listed
is "when it ends" "$(curl -sf "$url/auctions/$auction" | jq .end_time)" "$end"

bid=$(post /bids "{\"auction\": $auction, \"user\": $anna, \"amount\": 100000}" | jq -e .id)
is "not above it" \
  "$(status POST /bids "{\"auction\": $auction, \"user\": $bruno, \"amount\": 100000}")" 422
post /bids "{\"auction\": $auction, \"user\": $bruno, \"amount\": 120000}" >/dev/null
is "max_bid" "$(curl -sf "$url/auctions/$auction" | jq .max_bid)" 120000
is "the best bid" "$(curl -sf "$url/bids?auction=$auction&_sort=amount:DESC&_limit=1" |
  jq -r '.[0].user.username')" bruno
is "a bid stands" "$(status DELETE "/bids/$bid")" 403
is "a running auction stands" "$(status PUT "/auctions/$auction" "{\"end_time\": 1}")" 409

# The end; the winning bid is written back.
won() {
  shown=$(curl -sf "$url/auctions/$auction") && [ "$(jq .winning_bid <<<"$shown")" != null ]
}
until_so "it has no winning bid" won
is "closed" "$(jq -r .status <<<"$shown")" closed
is "who won" "$(jq .winner.id <<<"$shown")" "$bruno"
is "too late" \
  "$(status POST /bids "{\"auction\": $auction, \"user\": $anna, \"amount\": 200000}")" 409
is "live no more" "$(curl -sf "$url/auctions?car=$car")" "[]"
echo "$(jq -r .winner.username <<<"$shown") has it for $(jq .winning_bid <<<"$shown")"
