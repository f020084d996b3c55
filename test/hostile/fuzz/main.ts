/** The fuzzer as a process of its own: it measures its memory, and may hang without taking the tests along. */
import { Campaign, type Plan } from './campaign.ts';

const plan = JSON.parse(process.argv[2] ?? '') as Plan;
const outcome = await new Campaign(plan).run((inputs) => void process.stderr.write(`${inputs}\n`));
process.stdout.write(JSON.stringify(outcome));
