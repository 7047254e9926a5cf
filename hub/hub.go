// Package hub is the corridor at the third party: it holds no code, and names
// the rooms through which contributions pass until they are answers, in order.
//
//	the edge
//	   │ invitations, agreements, credentials, sign-in
//	admit        ──▶ Standing   a member who may come in now
//	   │ envelopes
//	receive      ──▶ Received   a report, verified, stored once and acknowledged
//	   │
//	consolidate  ──▶ Told       an incident with every source that tells of it, and campaigns
//	   │
//	   ├─ anonymise  ──▶ Release   a versioned dataset, k-anonymous
//	   ├─ analyse    ──▶ Table     figures under disclosure control
//	   ├─ reconcile  ──▶ Offer     what is asked for, what flows of it, and whose step would help
//	   │
//	deliver      ──▶ Answer     what one viewer may have for one purpose
//	   │
//	   ├─ notify     ──▶ Event     that there is something new, for servers that members name
//	   │
//	the adapters: interface, pages, feeds
//
// The derived rooms pull: each reads what its upstream committed after number
// n, and commits its result and n together. The adapters serialise nothing but
// an Answer, and deliver makes one only of what the rooms above minted. With
// the edge and the stewards the hub meets in
// [github.com/concord-trust/concord/wire] alone.
package hub
