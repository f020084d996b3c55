/** IP addresses, as Go's net.ParseIP reads them since 1.17: no leading zeros in IPv4, no zone in IPv6. */

const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** The longest text that is an address. */
const LONGEST = 45;

export const isIp = (value: string): boolean =>
  value.length <= LONGEST && (value.includes(':') ? isIpv6(value) : isIpv4(value));

function isIpv4(value: string): boolean {
  const octets = value.split('.');
  return octets.length === 4 && octets.every((octet) => OCTET.test(octet) && Number(octet) <= 255);
}

function isIpv6(value: string): boolean {
  const halves = value.split('::');
  if (halves.length > 2) {
    return false;
  }
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1)?.at(-1);
  const hasIpv4 = last?.includes('.') === true;
  const all = groups.flat();
  const plain = hasIpv4 ? all.slice(0, -1) : all;
  const count = plain.length + (hasIpv4 ? 2 : 0);
  return (
    plain.every((group) => GROUP.test(group)) &&
    (!hasIpv4 || isIpv4(last)) &&
    (halves.length === 2 ? count < 8 : count === 8)
  );
}
