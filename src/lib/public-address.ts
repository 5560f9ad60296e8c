import { BlockList, isIP } from 'node:net';

/**
 * Whether an IP address may be anybody's on the internet: not this machine, not its network, not a
 * cloud's metadata service, and not one of those inside an address that tunnels to IPv4.
 * Source: IANA's special-purpose address registries (RFC 6890 and its updates).
 */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/%.*$/, '');
  const family = isIP(plain);
  if (family === 0) return false;
  return !special.check(plain, family === 6 ? 'ipv6' : 'ipv4');
}

const special = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  // Shared by carriers (RFC 6598); some clouds keep their metadata here.
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Link-local, and 169.254.169.254, where most clouds keep their metadata.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  // Multicast, reserved and broadcast.
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  special.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  // Unspecified, loopback, and IPv4 in the old compatible form. `BlockList` itself looks at mapped ones.
  ['::', 96],
  // IPv4 by translation or tunnel: whoever needs the IPv4 address can say so.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 23],
  ['2002::', 16],
  ['100::', 64],
  ['2001:db8::', 32],
  ['3fff::', 20],
  ['5f00::', 16],
  // Unique local, link-local, the site-local of old, and multicast.
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  special.addSubnet(network, prefix, 'ipv6');
