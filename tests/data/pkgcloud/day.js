// What pkgcloud's users do with servers, keys, volumes and snapshots; each step is printed when it is done.
const pkgcloud = require('pkgcloud');
const [url, image] = process.argv.slice(2);
const options = {
  provider: 'openstack', authUrl: url, keystoneAuthVersion: 'v3', username: 'demo', password: 'secret',
  tenantName: 'demo', domainId: 'default', projectDomainId: 'default', region: 'RegionOne', strictSSL: false,
};
const compute = pkgcloud.compute.createClient(options);
const volumes = pkgcloud.blockstorage.createClient(options);

const call = (client, name, ...args) => new Promise((resolve, reject) =>
  client[name](...args, (error, answer) => error ? reject(new Error(`${name}: ${error.message}`)) : resolve(answer)));
const becomes = (thing, status) => new Promise((resolve, reject) =>
  thing.setWait({status}, 200, error => error ? reject(error) : resolve(thing)));
const until = async (get, status) => { // pkgcloud's own waiting cannot refresh a volume
  while ((await get()).status !== status) await new Promise(resolve => setTimeout(resolve, 100));
};
const step = (name, right) => {
  if (!right) throw new Error(`${name} is wrong`);
  console.log(name);
};

const day = async () => {
  step('version', await call(compute, 'getVersion') === 'v2.1');
  const [flavor] = await call(compute, 'getFlavors');
  step('flavors', flavor.name === 'm1.tiny');
  step('images', (await call(compute, 'getImages')).some(each => each.id === image));
  const server = await call(compute, 'createServer', {name: 'js', image, flavor: flavor.id});
  await becomes(server, 'RUNNING');
  step('server', (await call(compute, 'getServers')).some(each => each.id === server.id));
  await call(compute, 'rebootServer', server);
  step('key', (await call(compute, 'addKey', {name: 'js'})).private_key);
  await call(compute, 'destroyKey', 'js');
  const volume = await call(volumes, 'createVolume', {name: 'v', size: 1, description: 'd'});
  await until(() => call(volumes, 'getVolume', volume.id), 'available');
  step('volume', (await call(volumes, 'getVolumes', {})).some(each => each.id === volume.id));
  const snapshot = await call(volumes, 'createSnapshot', {name: 's', description: 'd', volumeId: volume.id});
  await until(() => call(volumes, 'getSnapshot', snapshot.id), 'available');
  step('snapshot', (await call(volumes, 'getSnapshots', {})).some(each => each.id === snapshot.id));
  await call(volumes, 'deleteSnapshot', snapshot);
  await call(compute, 'destroyServer', server);
  step('destroyed', true);
};

day().catch(error => {
  console.error(error.message);
  process.exit(1);
});
