#!/bin/bash
# A client of `portal`: users, an auction, bids, one of them deleted and one doubled; the winner is
# announced.
. "$(dirname "$0")/../prelude.sh"
origin=$(grep -o '^http://[^/]*' <<<"$url")

carl=$(put /user '{"name": "carl"}' | jq -e .id)
dora=$(put /user '{"name": "dora"}' | jq -e .id)
put "/user/$carl/subscriptions" '{"won": true, "doubled": true}' >/dev/null
auction=$(put '/auction?sync=true' '{"title": "A pot", "duration_seconds": 10,
  "promotion": {"kind": "double", "every_seconds": 10}}' | jq -e .id)
curl -sf "$url/auctions?sync=true" | jq -e "any(.[]; .id == $auction)" >/dev/null

# A bid is acknowledged at once; what came of it is asked for.
where=$(curl -sf -o /dev/null -w '%{http_code} %header{location}' -X PUT \
  "$url/auction/$auction/bid" -H "$json" -d "{\"amount\": 500, \"user_id\": $dora}")
is "acknowledged" "${where%% *}" 202
came() {
  outcome=$(curl -sf "$origin${where#* }") && [ "$(jq -r .status <<<"$outcome")" = done ]
}
until_so "nothing came of it" came
is "its outcome" "$(jq .response.status <<<"$outcome")" 201

# A smaller one is a bid, too, if it is above one's own.
bid=$(put "/auction/$auction/bid?sync=true" "{\"amount\": 200, \"user_id\": $carl}")
is "the highest" "$(jq .max_bid <<<"$bid")" 500
is "not above his own" \
  "$(status PUT "/auction/$auction/bid?sync=true" "{\"amount\": 200, \"user_id\": $carl}")" 422

# Only whose it is deletes a bid; the highest comes from those that are left.
first=$(curl -sf "$url/auction/$auction/bids?user_id=$dora" | jq -e '.[0].id')
is "another's bid" \
  "$(status DELETE "/auction/$auction/bid/$first?user_id=$carl&sync=true")" 403
is "one's own" "$(status DELETE "/auction/$auction/bid/$first?user_id=$dora&sync=true")" 200
is "what is left" "$(curl -sf "$url/auctions?sync=true" |
  jq ".[] | select(.id == $auction) | .max_bid")" 200

# The promoter has one bid to draw. Then the winner is announced.
sold() { shown=$(curl -sf "$url/auction/$auction") && [ "$(jq -r .state <<<"$shown")" = sold ]; }
until_so "it was never sold" sold
is "the winner" "$(jq .winner <<<"$shown")" "$carl"
is "not active any more" \
  "$(curl -sf "$url/auctions?sync=true" | jq "any(.[]; .id == $auction)")" false
told() {
  curl -sf "$url/user/$carl/notifications" |
    jq -e '[.items[].kind] | contains(["won", "doubled"])' >/dev/null
}
until_so "he was not told" told
echo "carl has it for $(jq .max_bid <<<"$shown")"
