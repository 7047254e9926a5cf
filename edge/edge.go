// Package edge is the corridor at a member: it holds no code, and names the
// rooms through which a report passes before it leaves its owner, in order.
//
//	a file, as the member's own tools write it
//	   │
//	collect    ──▶ Collected   the report that the file tells of, by the standard's crosswalk
//	   │
//	minimise   ──▶ Minimal     each field in the forms that somebody may receive under the owner's terms
//	   │
//	tokenise   ──▶ Tokenised   identifiers as tokens, made with a steward who is not shown them
//	   │
//	outbox     ──▶ envelopes   sealed to the hub and signed, queued until a receipt is held
//	   │
//	the hub
//
// Each room takes only what the one before it minted: the fields of a
// Collected, a Minimal and a Tokenised are unexported, so that nothing gets
// past a room. Nobody but [github.com/concord-trust/concord/node] opens the
// doors; with the hub and the stewards the edge meets in
// [github.com/concord-trust/concord/wire] alone.
package edge
