// The JavaScript of the reference for live flash sales, as it stands there; what it hears goes out
// as lines of JSON. Arguments: address, token, auction, user id, username, what to say.
import { io } from "socket.io-client";

const [address, cognito_jwt_token, auction_id, user_id, username, words] = process.argv.slice(2);
const tell = (event, data) => process.stdout.write(JSON.stringify({ event, data }) + "\n");

const socket = io(address, {
  query: { token: cognito_jwt_token }
});

socket.on('connected', (data) => {
  tell('connected', data);
  socket.emit('join_auction', {
    auction_id: auction_id
  });
});

socket.on('joined_auction', (state) => {
  tell('joined_auction', state);
  if (words) {
    socket.emit('chat_message', {
      auction_id: auction_id,
      message: words,
      user_id: user_id,
      username: username
    });
  }
});

for (const event of ['chat_message', 'bid_update', 'timer_update', 'presence_update', 'auction_ended']) {
  socket.on(event, (data) => {
    tell(event, data);
  });
}

socket.on('connect_error', (error) => {
  tell('connect_error', error.message);
});
