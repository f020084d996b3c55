/** Tells people when the connection is lost, and when it is back. Standard output stays as it is. */

export const LOST = 'lost the connection to the API server, trying again';
const CONNECTED = 'connected to the API server again';

/** To be called with each state of the connection, which is there at first; says each change once. */
export function connectionReport(say: (text: string) => void): (isConnected: boolean) => void {
  let wasConnected = true;
  return (isConnected) => {
    if (isConnected !== wasConnected) say(isConnected ? CONNECTED : LOST);
    wasConnected = isConnected;
  };
}
